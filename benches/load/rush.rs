//! Many workspaces at once, and their end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, Method};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{COMMAND, client, platform::Platform};

/// How it went.
pub(crate) struct Rush {
    /// From the first question to the last answer.
    pub(crate) total: Duration,
    /// How long each answer took; sorted.
    answers: Vec<Duration>,
    /// The slowest answer to a probe, a list or a lookup meanwhile.
    pub(crate) slowest_look: Duration,
    /// Of the platform's process: before, the most, and after all are deleted.
    pub(crate) memory_kib: [u64; 3],
}

impl Rush {
    pub(crate) fn on(platform: &Platform, runtime: &Runtime, count: usize) -> Self {
        let before = platform.memory_kib("VmRSS:");
        let client = client::client();
        let done = Arc::new(AtomicBool::new(false));
        let looks = runtime.spawn(look(
            client.clone(),
            platform.url.clone(),
            Arc::clone(&done),
        ));
        let begun = Instant::now();
        let answers = at_once(runtime, count, |index| {
            let body = json!({"id": format!("ws-{index}"), "command": COMMAND}).to_string();
            (
                client.clone(),
                Method::POST,
                format!("{}/workspaces", platform.url),
                body,
                201,
            )
        });
        let total = begun.elapsed();
        done.store(true, Ordering::Relaxed);
        let slowest_look = runtime.block_on(looks).unwrap();
        at_once(runtime, count, |index| {
            let url = format!("{}/workspaces/ws-{index}", platform.url);
            (client.clone(), Method::DELETE, url, String::new(), 204)
        });
        Self {
            total,
            answers,
            slowest_look,
            memory_kib: [
                before,
                platform.memory_kib("VmHWM:"),
                platform.memory_kib("VmRSS:"),
            ],
        }
    }

    /// The time within which so many of a hundred answers came.
    pub(crate) fn answer(&self, percent: usize) -> Duration {
        let index = (self.answers.len() * percent / 100).min(self.answers.len() - 1);
        self.answers[index]
    }
}

type Question = (Client, Method, String, String, u16);

fn at_once(runtime: &Runtime, count: usize, question: impl Fn(usize) -> Question) -> Vec<Duration> {
    let asked: Vec<_> = (0..count)
        .map(|index| {
            let (client, method, url, body, status) = question(index);
            runtime.spawn(async move { client::ask(&client, method, &url, body, status).await })
        })
        .collect();
    let mut answers: Vec<_> = asked
        .into_iter()
        .map(|answer| runtime.block_on(answer).unwrap())
        .collect();
    answers.sort_unstable();
    answers
}

/// Looks at the platform, one question after the other, until it is done.
async fn look(client: Client, url: String, done: Arc<AtomicBool>) -> Duration {
    let mut slowest = Duration::ZERO;
    while !done.load(Ordering::Relaxed) {
        for path in ["/health", "/workspaces", "/admin/plugins"] {
            let url = format!("{url}{path}");
            let took = client::ask(&client, Method::GET, &url, String::new(), 200).await;
            slowest = slowest.max(took);
        }
    }
    slowest
}
