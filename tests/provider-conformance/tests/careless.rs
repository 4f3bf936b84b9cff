//! The suite notices what it is there for: for each case a provider that does it wrong, and the words with which it fails.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use provider_conformance::{Case, Given, How, Life, Refusal, Subject, Way, run};
use provisionhook_host::fault::FaultKind;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::Handle,
    task::JoinHandle,
};

/// A provider with one flaw, in front of the smallest server that there is.
struct Careless<const FLAW: usize> {
    upstream: String,
    version: Arc<AtomicU32>,
    serving: JoinHandle<()>,
}

const FLAWS: [&str; 8] = [
    "none",
    "shows",
    "keeps",
    "quotes",
    "logs",
    "sulks",
    "blames-itself",
    "asks-at-boot",
];

impl<const FLAW: usize> Careless<FLAW> {
    fn value(&self) -> String {
        format!("value-{:08}", self.version.load(Relaxed))
    }
}

impl<const FLAW: usize> Drop for Careless<FLAW> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl<const FLAW: usize> Subject for Careless<FLAW> {
    const PLUGIN: &'static str = "fixture-careless";

    fn start(runtime: &Handle, _: Duration) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let upstream = format!("http://{}", listener.local_addr().unwrap());
        let version = Arc::new(AtomicU32::new(1));
        let its = Arc::clone(&version);
        let serving = runtime.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let body = format!("value-{:08}", its.load(Relaxed));
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let mut request = [0; 4096];
                let _read = stream.read(&mut request).await;
                let _written = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            upstream,
            version,
            serving,
        }
    }

    fn upstream(&self) -> String {
        self.upstream.clone()
    }

    fn config(&self, base_url: &str, _: &Path) -> Value {
        json!({ "url": base_url, "flaw": FLAWS[FLAW] })
    }

    fn check(&self, given: &Given) {
        assert_eq!(given.variable("CARELESS"), self.value());
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.value(), "careless-key".to_owned()]
    }

    fn life(&self, _: Way) -> Life {
        Life::Unknown(Duration::from_secs(1))
    }

    fn refusals(&self) -> Vec<Refusal> {
        vec![Refusal {
            what: "unknown key",
            how: How::Answer {
                status: 401,
                headers: Vec::new(),
                body: "no".to_owned(),
            },
            kind: FaultKind::Config,
            says: "key",
        }]
    }

    fn replace(&self) {
        self.version.fetch_add(1, Relaxed);
    }
}

/// The case fails, with these words.
#[track_caller]
fn notices<const FLAW: usize>(case: Case, words: &str) {
    let failed = catch_unwind(AssertUnwindSafe(|| {
        run::<Careless<FLAW>>(Way::Variables, case)
    }));
    let said = failed.err().map(|panic| match panic.downcast::<String>() {
        Ok(said) => *said,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    });
    assert!(
        said.as_deref().is_some_and(|said| said.contains(words)),
        "{case:?}, {}: expected {words:?}, found {said:?}",
        FLAWS[FLAW]
    );
}

#[test]
fn what_a_provider_without_a_flaw_can_do_passes() {
    for case in [
        Case::Fresh,
        Case::AboutToExpire,
        Case::Expired,
        Case::Slow,
        Case::CutInTheMiddle,
        Case::Garbage,
        Case::HugeBody,
        Case::ClockSkew,
        Case::DownAtBoot,
        Case::NoSecretInTheLog,
    ] {
        run::<Careless<0>>(Way::Variables, case);
    }
}

#[test]
fn nothing_is_cached_refused_or_obeyed() {
    notices::<0>(
        Case::Cached,
        "expected no request for what was handed out a moment ago",
    );
    notices::<0>(
        Case::ThousandAtOnce,
        "expected 1000 workspaces to cause no more than 1 requests",
    );
    notices::<0>(Case::Refused, "unknown key: ");
    notices::<0>(Case::Throttled, "expected to be told how long");
}

#[test]
fn a_secret_is_handed_out_open() {
    notices::<1>(Case::Fresh, "expected something secret to be handed out");
}

#[test]
fn what_has_ended_is_handed_out() {
    notices::<2>(Case::AboutToExpire, "found the old one handed out after it");
    notices::<2>(
        Case::Expired,
        "expected another one after the end, found the old one",
    );
}

#[test]
fn a_secret_or_a_page_is_told() {
    notices::<3>(Case::Garbage, "expected no secret in the fault's message");
    notices::<3>(
        Case::NoSecretInTheLog,
        "expected no secret in the fault's message",
    );
    notices::<4>(Case::Fresh, "expected no secret in the log");
}

#[test]
fn a_fault_is_never_got_over() {
    notices::<5>(Case::Slow, "expected the provider to recover");
}

#[test]
fn the_network_s_faults_are_of_the_wrong_kind() {
    notices::<6>(Case::CutInTheMiddle, "Internal");
    notices::<6>(Case::HugeBody, "Internal");
}

#[test]
fn a_server_that_is_away_keeps_the_plugin_from_being_loaded() {
    notices::<7>(Case::DownAtBoot, "expected the plugin to be loaded");
}
