//! Response wrapping: an answer is put aside, and a token that works once stands for it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{Answer, Envelope};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::tokens::{Ended, Plan};
use crate::ttl::Limits;
use crate::vault::Vault;

/// An answer that was put aside.
pub(crate) struct Wrapped {
    body: Value,
    creation_path: String,
    created: Timestamp,
    ttl: Duration,
}

impl Vault {
    /// Puts an answer aside; one without a body stays what it is.
    pub(crate) fn wrap(
        &mut self,
        answer: Answer,
        request: &Request,
        ttl: Duration,
        now: Timestamp,
    ) -> Answer {
        if let Answer::Empty(_) = answer {
            return answer;
        }
        let Some(body) = answer.into_body() else {
            return Answer::nothing();
        };
        let plan = Plan {
            namespace: request.namespace.clone(),
            path: request.path.clone(),
            policies: vec!["response-wrapping".to_owned()],
            limits: Limits {
                ttl: Some(ttl),
                explicit_max_ttl: Some(ttl),
                ..Limits::default()
            },
            not_renewable: true,
            uses: 1,
            ..Plan::default()
        };
        let (token, _) = self.tokens.issue(plan, now);
        let wrapped_accessor = body["auth"]["accessor"].clone();
        let wrapped = Wrapped {
            body,
            creation_path: request.path.clone(),
            created: now,
            ttl,
        };
        self.wrapped.insert(token.id.clone(), wrapped);
        let mut wrap_info = json!({
            "token": token.id,
            "accessor": token.accessor,
            "ttl": ttl.as_secs(),
            "creation_time": now.to_string(),
            "creation_path": request.path,
        });
        if wrapped_accessor.is_string() {
            wrap_info["wrapped_accessor"] = wrapped_accessor;
        }
        Answer::of(Envelope {
            wrap_info,
            ..Envelope::default()
        })
    }

    /// Gives out what a wrapping token stands for, once.
    pub(crate) fn unwrap(&mut self, token: &str) -> Result<Answer, Refusal> {
        let works = self.tokens.alive(token).is_some();
        let wrapped = self.wrapped.remove(token).filter(|_| works);
        self.end_token(token, Ended::UsedUp);
        wrapped
            .map(|wrapped| Answer::Plain(axum::http::StatusCode::OK, wrapped.body))
            .ok_or_else(invalid)
    }

    /// Tells of a wrapping token without using it.
    pub(crate) fn wrapping(&self, token: &str) -> Result<Answer, Refusal> {
        let works = self.tokens.alive(token).is_some();
        let wrapped = self
            .wrapped
            .get(token)
            .filter(|_| works)
            .ok_or_else(invalid)?;
        Ok(Answer::data(json!({
            "creation_path": wrapped.creation_path,
            "creation_time": wrapped.created.to_string(),
            "creation_ttl": wrapped.ttl.as_secs(),
        })))
    }
}

pub(crate) fn invalid() -> Refusal {
    Refusal::bad_request("wrapping token is not valid or does not exist")
}
