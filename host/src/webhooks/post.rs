//! One attempt to hand one event over.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

use super::{
    Target,
    key::{SigningKey, signatures},
};
use crate::{
    fault::{Fault, FaultKind},
    services::http::{HttpClient, HttpRequest, HttpResponse},
    store::Event,
};

const USER_AGENT: &str = concat!("provisionhook/", env!("CARGO_PKG_VERSION"));

/// What posts events to one receiver.
pub(super) struct Post {
    client: HttpClient,
    target: Target,
}

/// What the receiver said.
pub(super) enum Answer {
    /// It has the event.
    Taken,
    /// It wants no more events, ever.
    Gone,
    /// It does not have it.
    NotTaken(Fault),
}

impl Post {
    pub(super) fn new(client: &HttpClient, target: Target) -> Self {
        Self {
            client: client.clone(),
            target,
        }
    }

    /// Sends the event once. The limits of time and size are those of the client.
    pub(super) async fn send(&self, event: &Event, body: &[u8], keys: &[SigningKey]) -> Answer {
        // The same for each attempt, and another for an event of another log that has the same number.
        let id = format!("evt_{}_{}", event.at, event.seq);
        let now = Timestamp::now().as_second();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", USER_AGENT.to_owned()),
            ("webhook-signature", signatures(keys, &id, now, body)),
            ("webhook-timestamp", now.to_string()),
            ("webhook-id", id),
        ];
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: self.target.url.expose().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value))
                .to_vec(),
            body: body.to_vec(),
            no_redirects: true,
            ..HttpRequest::default()
        };
        match self.client.send(&self.target.grants, request).await {
            Ok(response) => answer(&response),
            Err(fault) => Answer::NotTaken(fault),
        }
    }
}

fn answer(response: &HttpResponse) -> Answer {
    match response.status {
        200..=299 => Answer::Taken,
        410 => Answer::Gone,
        found => {
            let message = format!("expected the receiver to answer 2xx, found {found}");
            Answer::NotTaken(Fault {
                retry_after: retry_after(response),
                ..Fault::new(FaultKind::Transient, message)
            })
        }
    }
}

/// How long the receiver wants to be left alone: in seconds, or as a date.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let mut headers = response.headers.iter();
    let (_, value) = headers.find(|(name, _)| name == "retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = rfc2822::parse(value).ok()?.timestamp();
    Duration::try_from(then.duration_since(Timestamp::now())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, retry_after: &str) -> Answer {
        answer(&HttpResponse {
            status,
            headers: vec![("retry-after".to_owned(), retry_after.to_owned())],
            body: Vec::new(),
        })
    }

    fn pause(retry_after: &str) -> Option<Duration> {
        match said(429, retry_after) {
            Answer::NotTaken(fault) => fault.retry_after,
            Answer::Taken | Answer::Gone => panic!("429 is no success"),
        }
    }

    #[test]
    fn only_2xx_takes_an_event_and_only_410_ends_it() {
        assert!(matches!(said(204, ""), Answer::Taken));
        assert!(matches!(said(410, ""), Answer::Gone));
        for status in [100, 199, 301, 302, 400, 404, 500] {
            assert!(matches!(said(status, ""), Answer::NotTaken(_)), "{status}");
        }
    }

    #[test]
    fn a_receiver_says_when_to_come_back_in_seconds_or_by_a_date() {
        assert_eq!(pause("120"), Some(Duration::from_secs(120)));
        let date = Timestamp::now() + Duration::from_secs(90);
        let date = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
        let wait = pause(&date.unwrap()).unwrap();
        assert!((80..=90).contains(&wait.as_secs()), "{wait:?}");
        for nothing in ["", "soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(pause(nothing), None, "{nothing}");
        }
    }
}
