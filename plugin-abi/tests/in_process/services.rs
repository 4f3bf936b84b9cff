//! The host's services as an author uses them.

use provisionhook_plugin_abi::wire::{FaultKind, POLL_FAULT};

use super::{
    handles::{TestEnv, TestReply},
    loaded::Loaded,
    plugins::blocking::BlockingBusy,
};

#[test]
fn a_request_carries_everything_and_its_response_comes_back() {
    let plugin = Loaded::create::<BlockingBusy>(r#"{"mode": "http"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_FAULT);
    let requests = plugin.host.requests.lock().unwrap();
    let expected = "POST https://example.com/app [authorization: Bearer jwt] [content-type: application/json] [\"x\"] 2000ms";
    assert_eq!(requests[0], expected);
    assert_eq!(env.variables["TOKEN"], ("ghs_1".to_owned(), true));
    assert_eq!(env.value("STATUS"), Some("201 Some(\"application/json\")"));
}

#[test]
fn the_hosts_fault_reaches_the_author() {
    let plugin = Loaded::create::<BlockingBusy>(r#"{"mode": "http"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_FAULT);
    assert_eq!(
        reply.fault,
        Some((FaultKind::DENIED, "host not granted".to_owned(), 1500))
    );
}
