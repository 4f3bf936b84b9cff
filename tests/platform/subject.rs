//! One workspace of a walk, and what must hold of it.

use std::{fs, path::PathBuf};

use reqwest::Method;
use serde_json::Value;

use crate::{
    api::{self, Answer},
    place::{Operation, Place},
    platform::Platform,
    story::Story,
    world::{ADMIN, until},
};

/// A workspace that is walked with.
pub(crate) struct Subject<'a> {
    place: &'a dyn Place,
    id: String,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(place: &'a dyn Place, number: usize) -> Self {
        let id = format!("step-{number}");
        Self { place, id }
    }

    /// Has it run before the walk.
    pub(crate) fn begin(&self, platform: &Platform<'_>) {
        let made = self.ask(platform, Operation::Create).unwrap();
        made.expect(201);
        until("the command", || self.starts() == 1);
    }

    /// # Errors
    /// The platform died before it had answered.
    pub(crate) fn ask(
        &self,
        platform: &Platform<'_>,
        operation: Operation,
    ) -> reqwest::Result<Answer> {
        let path = format!("/workspaces/{}", self.id);
        let (method, path, body) = match operation {
            Operation::Create => {
                let body = self.place.request(&self.id).to_string();
                (Method::POST, "/workspaces".to_owned(), body)
            }
            Operation::Restart => (Method::POST, format!("{path}/restart"), String::new()),
            Operation::Stop => (Method::POST, format!("{path}/stop"), String::new()),
            Operation::Delete => (Method::DELETE, path, String::new()),
        };
        let (world, url) = (self.place.world(), format!("{}{path}", platform.url));
        let sent = api::exchange(&world.client, method, &url, ADMIN, body.into_bytes());
        world.runtime.block_on(sent)
    }

    /// What holds whichever step it was.
    pub(crate) fn check(
        &self,
        platform: &Platform<'_>,
        operation: Operation,
        answer: Option<Answer>,
        at: &str,
    ) {
        let shown = platform.get(&format!("/workspaces/{}", self.id));
        let shown = (shown.status != 404).then(|| shown.expect(200));
        let state = shown.as_ref().map(|shown| shown["state"].as_str().unwrap());
        let possible: &[Option<&str>] = match operation {
            Operation::Create => &[None, Some("failed"), Some("running")],
            Operation::Restart => &[Some("stopped"), Some("failed"), Some("running")],
            Operation::Stop => &[Some("running"), Some("stopped")],
            Operation::Delete => &[Some("running"), Some("stopped"), None],
        };
        assert!(possible.contains(&state), "{at}: {shown:?}");
        match &shown {
            None => self.check_absent(at),
            Some(shown) => self.check_present(platform, operation, shown, at),
        }
        let story = Story::of(platform, &self.id);
        story.check(shown.as_ref(), at);
        assert_eq!(story.runs(), self.starts(), "{at}: {story:#?}");
        if let Some(answer) = answer {
            let expected = match operation {
                Operation::Create | Operation::Restart => Some("running"),
                Operation::Stop => Some("stopped"),
                Operation::Delete => None,
            };
            assert!(answer.status < 300, "{at}: {answer:?}");
            assert_eq!(state, expected, "{at}: what was answered holds");
        }
    }

    fn check_absent(&self, at: &str) {
        let (place, id) = (self.place, &self.id);
        assert_eq!(place.running(id), 0, "{at}: it runs, and nobody knows it");
        self.check_no_container(at);
        assert!(!place.directory(id).exists(), "{at}: its files are left");
    }

    fn check_present(
        &self,
        platform: &Platform<'_>,
        operation: Operation,
        shown: &Value,
        at: &str,
    ) {
        let (place, id, log) = (self.place, &self.id, platform.log());
        let begun = usize::from(operation != Operation::Create);
        match (shown["state"].as_str().unwrap(), &shown["reason"]) {
            ("running", Value::Null) => {
                until("it to run", || place.running(id) == 1);
                until("the command", || self.starts() >= 1);
                assert!(self.starts() <= begun + 1, "{at}: started twice");
                assert!(place.has_secret(id), "{at}");
                assert!(log.contains("workspace taken over"), "{at}: {log}");
                self.check_token(platform, at);
                let heard = self.has_heard_the_end();
                assert!(!heard || operation == Operation::Restart, "{at}");
            }
            (state @ ("failed" | "stopped"), reason) => {
                assert_eq!(place.running(id), 0, "{at}: it does not run");
                assert_eq!(self.starts(), begun, "{at}: it did not start again");
                assert!(!place.has_secret(id), "{at}: a secret is left");
                assert_eq!(state == "failed", reason == "interrupted", "{at}");
                if state == "failed" {
                    self.check_no_container(at);
                }
            }
            other => panic!("{at}: {other:?}: {log}"),
        }
    }

    /// A daemon may be slow with what it was asked before the kill; the platform looks again.
    fn check_no_container(&self, at: &str) {
        until(&format!("{at}: its container to go"), || {
            self.place.kept(&self.id) == 0
        });
    }

    /// The token that the command was given opens its workspace.
    fn check_token(&self, platform: &Platform<'_>, at: &str) {
        let url = format!("{}/workspaces/{}/tokens", platform.url, self.id);
        until(&format!("{at}: the token to be good"), || {
            let token = fs::read_to_string(self.file("token")).unwrap_or_default();
            let answer = self.place.world().get(&url, token.trim());
            answer.status == 404 && answer.text.contains("token provider")
        });
    }

    /// It can be deleted, and then nothing is left of it.
    pub(crate) fn tidy_up(&self, platform: &Platform<'_>, at: &str) {
        let path = format!("/workspaces/{}", self.id);
        let gone = platform.send(Method::DELETE, &path, "");
        assert!(matches!(gone.status, 204 | 404), "{at}: {gone:?}");
        self.check_absent(at);
        let left = self.place.left();
        assert!(left.is_empty(), "{at}: {left:?}");
        let story = Story::of(platform, &self.id);
        story.check(None, at);
        if self.starts() > 0 {
            until("the plugin to hear of the end", || self.has_heard_the_end());
        }
        until("nothing to be owed", || {
            let metrics = platform.get("/metrics").text;
            metrics.contains("provisionhook_ends_owed 0\n")
        });
    }

    /// How often its command has begun.
    fn starts(&self) -> usize {
        let starts = fs::read_to_string(self.file("starts")).unwrap_or_default();
        starts.lines().count()
    }

    fn has_heard_the_end(&self) -> bool {
        let ledger = fs::read_to_string(self.place.world().path("ledger")).unwrap_or_default();
        // A plugin that was killed while it wrote is called again, and then begins in the middle of the line.
        ledger.lines().any(|line| line.ends_with(&self.id))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.world().path(&format!("{}.{name}", self.id))
    }
}
