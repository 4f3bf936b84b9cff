//! The conformance suite for providers, run for this plugin against a server that enforces GitLab's contract: once with a token that is
//! handed out itself, and once with one that makes a service account's tokens for workspaces.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use gitlab_server::{GitlabServer, level};
use provider_conformance::{
    Case, Exception, Given, How, Life, Refusal, Subject, Throttle, Way, secret_file,
};
use provisionhook_host::fault::FaultKind;
use serde_json::{Value, json};
use tokio::runtime::Handle;

struct Gitlab {
    server: GitlabServer,
    token: String,
}

impl Subject for Gitlab {
    const PLUGIN: &'static str = "gitlab";

    /// GitLab's tokens live for days: the suite's lifetime is nothing to it.
    fn start(runtime: &Handle, _: Duration) -> Self {
        let server = runtime
            .block_on(GitlabServer::builder().user("ada").start())
            .unwrap();
        let end = gitlab::day::days_from(jiff::Timestamp::now(), 30).to_string();
        let token = server.personal_token("ada", &["api"], Some(&end));
        Self { server, token }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let token = secret_file(directory, "token", &self.token);
        json!({ "base_url": base_url, "token": token, "recheck_seconds": 5 })
    }

    fn check(&self, given: &Given) {
        match given {
            Given::Token(_) => assert_eq!(given.token(), self.token),
            Given::Variables(_) => {
                assert_eq!(given.variable("GITLAB_TOKEN"), self.token);
                assert!(
                    given
                        .variable("GITLAB_HOST")
                        .starts_with("http://127.0.0.1:")
                );
            }
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }

    fn life(&self, way: Way) -> Life {
        match way {
            Way::Tokens => Life::Ends(days(30)),
            Way::Variables => Life::Unknown(Duration::from_secs(5)),
        }
    }

    /// 401 is not among them: after one GitLab is left alone for a quarter of an hour, which `serving.rs` tests.
    fn refusals(&self) -> Vec<Refusal> {
        vec![
            Refusal {
                what: "the user is blocked",
                how: How::Server,
                kind: FaultKind::Config,
                says: "a blocked user",
            },
            Refusal {
                what: "the scope is missing",
                how: How::json(
                    403,
                    r#"{"error":"insufficient_scope","scope":"api read_api"}"#,
                ),
                kind: FaultKind::Config,
                says: "one of the scopes api, read_api",
            },
        ]
    }

    fn set_refusing(&self, _: &str, on: bool) {
        assert!(self.server.set_blocked("ada", on));
    }

    fn throttles() -> Vec<Throttle> {
        vec![Throttle {
            what: "RateLimit-Reset alone",
            status: 429,
            headers: |wait| {
                let reset = jiff::Timestamp::now().as_second() + wait.as_secs().cast_signed();
                vec![
                    ("ratelimit-remaining".to_owned(), "0".to_owned()),
                    ("ratelimit-reset".to_owned(), reset.to_string()),
                ]
            },
            body: "Retry later\n",
        }]
    }

    fn set_clock(&self, seconds_ahead: i64) -> bool {
        self.server.core().clock.set_skew(seconds_ahead);
        true
    }

    fn exceptions() -> Vec<Exception> {
        let sentence = "The token in the config is handed out for as long as it works: there is no other one to hand out.";
        Exception::of(None, &[Case::AboutToExpire, Case::Expired], sentence)
    }
}

/// The end of a token that lives for so many days, counted from the midnight to come.
fn days(days: u16) -> Duration {
    let now = jiff::Timestamp::now();
    let end = gitlab::day::midnight(gitlab::day::days_from(now, days));
    Duration::try_from(end.duration_since(now)).unwrap()
}

struct Account {
    server: GitlabServer,
    master: String,
}

impl Account {
    fn made(&self) -> impl Iterator<Item = String> {
        let tokens = self.server.tokens().into_iter();
        let made = tokens.filter(|token| token.name.starts_with("provisionhook "));
        made.map(|token| token.value)
    }
}

impl Subject for Account {
    const PLUGIN: &'static str = "gitlab";

    fn start(runtime: &Handle, _: Duration) -> Self {
        let builder = GitlabServer::builder()
            .user("ada")
            .group(5, "acme", &[("ada", level::OWNER)])
            .service_account(5, "workspaces");
        let server = runtime.block_on(builder.start()).unwrap();
        let end = gitlab::day::days_from(jiff::Timestamp::now(), 30).to_string();
        let master = server.personal_token("ada", &["api"], Some(&end));
        Self { server, master }
    }

    fn upstream(&self) -> String {
        self.server.base_url()
    }

    fn config(&self, base_url: &str, directory: &Path) -> Value {
        let user_id = self.server.user_id("workspaces").unwrap();
        let account = json!({ "group": "acme", "user_id": user_id });
        json!({
            "base_url": base_url,
            "token": secret_file(directory, "token", &self.master),
            "create": { "service_account": account, "scopes": ["read_repository"] },
        })
    }

    fn check(&self, given: &Given) {
        let value = match given {
            Given::Token(_) => given.token(),
            Given::Variables(_) => given.variable("GITLAB_TOKEN"),
        };
        assert!(self.made().any(|made| made == value) && self.server.works(value));
    }

    fn secrets(&self) -> Vec<String> {
        self.made().chain([self.master.clone()]).collect()
    }

    fn life(&self, _: Way) -> Life {
        Life::Ends(days(2))
    }

    fn refusals(&self) -> Vec<Refusal> {
        vec![Refusal {
            what: "the owner is blocked",
            how: How::Server,
            kind: FaultKind::Config,
            says: "a blocked user",
        }]
    }

    fn set_refusing(&self, _: &str, on: bool) {
        assert!(self.server.set_blocked("ada", on));
    }

    fn exceptions() -> Vec<Exception> {
        let own = "With `service_account` each workspace has a token of its own, so a thousand workspaces cause a thousand requests.";
        let long =
            "A token that was made is handed out again as long as it works, for a day or two.";
        [
            Exception::of(None, &[Case::ThousandAtOnce], own),
            Exception::of(Some(Way::Variables), &[Case::Cached], own),
            Exception::of(None, &[Case::AboutToExpire, Case::Expired], long),
        ]
        .concat()
    }
}

mod configured {
    use super::Gitlab;

    provider_conformance::suite!(tokens: Gitlab);
    provider_conformance::suite!(variables: Gitlab);
}

mod account {
    use super::Account;

    provider_conformance::suite!(tokens: Account);
    provider_conformance::suite!(variables: Account);
}
