//! Signatures, and the change of a key without a restart.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

use crate::{
    KEY, OTHER_KEY, Running, World, key,
    receiver::{Receiver, Request},
    webhook,
};

/// Whether one of the signatures of this request is by this key, checked as a receiver does.
fn is_by(request: &Request, key: &str) -> bool {
    let key = STANDARD
        .decode(key.strip_prefix("whsec_").unwrap())
        .unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, timestamp) = (
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
    );
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(&request.body);
    let now = jiff::Timestamp::now().as_second();
    assert!(now - timestamp.parse::<i64>().unwrap() < 300, "{timestamp}");
    request
        .header("webhook-signature")
        .split(' ')
        .any(|signature| {
            let signature = STANDARD
                .decode(signature.strip_prefix("v1,").unwrap())
                .unwrap();
            hmac::verify(&key, &signed, &signature).is_ok()
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_while_both_are_good() {
    let world = World::new().await;
    let receiver = Receiver::start([]).await;
    let hooks = world.webhooks(vec![webhook("a", receiver.url())]);
    let _running = Running::of(&hooks);
    world.store.webhooks(vec!["a".to_owned()]).await.unwrap();
    let next = async |count| {
        world.steps("acme", 1).await;
        receiver.had(count).await.pop().unwrap()
    };
    let first = next(1).await;
    assert_eq!(
        (is_by(&first, KEY), is_by(&first, OTHER_KEY)),
        (true, false)
    );

    let keys = |keys: &[&str]| {
        let keys = keys.iter().map(|text| key(text)).collect();
        hooks.replace_keys([("a".to_owned(), keys)].into())
    };
    assert!(keys(&[OTHER_KEY, KEY]) && !keys(&[OTHER_KEY, KEY]));
    let both = next(2).await;
    assert_eq!((is_by(&both, KEY), is_by(&both, OTHER_KEY)), (true, true));
    assert!(keys(&[OTHER_KEY]));
    let last = next(3).await;
    assert_eq!((is_by(&last, KEY), is_by(&last, OTHER_KEY)), (false, true));
    assert!(!hooks.replace_keys([("nobody".to_owned(), vec![key(KEY)])].into()));
}
