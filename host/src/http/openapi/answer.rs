//! What an operation answers, by status: what is sent when all is well, and the errors themselves.

use std::collections::BTreeMap;

use axum::http::{HeaderName, StatusCode, header};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::header as of_answers;
use crate::http::{
    error::{ApiError, Body},
    gate::REQUEST_ID,
};

/// The content type of most answers.
const JSON: &str = "application/json";

/// All answers of one operation.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<u16, Answer>);

/// The answers of one status.
#[derive(Default)]
pub(super) struct Answer {
    /// When it is given, in sentences.
    when: Vec<String>,
    /// What is sent, by content type.
    content: Map<String, Value>,
    /// For each header, on how many of `samples` it is.
    headers: BTreeMap<String, usize>,
    /// So many answers were looked at.
    samples: usize,
    /// What can be asked for next.
    links: Map<String, Value>,
}

impl Answers {
    /// The answer of this status.
    pub(super) fn add(&mut self, status: StatusCode, answer: Answer) {
        self.0.insert(status.as_u16(), answer);
    }

    /// One more way to fail.
    pub(super) fn fail(&mut self, error: &ApiError, schemas: &mut SchemaGenerator) {
        let (status, body, headers) = error.sample();
        let answer = self.0.entry(status.as_u16()).or_default();
        let text = body["error"].as_str().unwrap_or_default().to_owned();
        if answer.when.contains(&text) {
            return;
        }
        answer.samples += 1;
        for name in headers {
            *answer.headers.entry(name.as_str().to_owned()).or_default() += 1;
        }
        let content = answer.content.entry(JSON).or_insert_with(|| {
            let schema = schemas.subschema_for::<Body>();
            json!({"schema": schema, "examples": {}})
        });
        content["examples"][name_of(&text)] = json!({"value": body});
        answer.when.push(text);
    }

    pub(super) fn shown(&self) -> Map<String, Value> {
        let shown = |(status, answer): (&u16, &Answer)| (status.to_string(), answer.shown());
        self.0.iter().map(shown).collect()
    }
}

impl Answer {
    /// Nothing but a status.
    pub(super) fn new(when: &str) -> Self {
        Self {
            when: vec![when.to_owned()],
            samples: 1,
            ..Self::default()
        }
    }

    /// A body of this type, as JSON.
    pub(super) fn json<T: JsonSchema>(when: &str, schemas: &mut SchemaGenerator) -> Self {
        let schema = schemas.subschema_for::<T>();
        Self::new(when).sent_as(JSON, json!(schema))
    }

    /// This very body, whose members are texts.
    pub(super) fn exactly(when: &str, body: &impl Serialize) -> Self {
        let Value::Object(body) = json!(body) else {
            return Self::new(when);
        };
        let names: Vec<_> = body.keys().cloned().collect();
        let constant = |(name, value)| (name, json!({"type": "string", "const": value}));
        let properties: Map<_, _> = body.into_iter().map(constant).collect();
        let schema = json!({"type": "object", "properties": properties, "required": names});
        Self::new(when).sent_as(JSON, schema)
    }

    /// The same, or a body of this other content type.
    pub(super) fn sent_as(mut self, content_type: &str, schema: Value) -> Self {
        let content = json!({"schema": schema});
        self.content.insert(content_type.to_owned(), content);
        self
    }

    /// The same, always with this header.
    pub(super) fn with(mut self, name: &HeaderName) -> Self {
        self.headers.insert(name.as_str().to_owned(), self.samples);
        self
    }

    /// The same, now and then with this header.
    pub(super) fn perhaps_with(mut self, name: &HeaderName) -> Self {
        self.headers.insert(name.as_str().to_owned(), 0);
        self
    }

    /// The same, which nobody between is to keep.
    pub(super) fn not_stored(self) -> Self {
        self.with(&header::CACHE_CONTROL)
    }

    /// The same, whose `id` opens these operations.
    pub(super) fn leads_to(mut self, operations: &[&str]) -> Self {
        let link = |operation: &&str| {
            let link =
                json!({"operationId": operation, "parameters": {"id": "$response.body#/id"}});
            ((*operation).to_owned(), link)
        };
        self.links.extend(operations.iter().map(link));
        self
    }

    fn shown(&self) -> Value {
        let of_answer = |(name, count): (&String, &usize)| {
            let header = of_answers::of_answer(name, *count == self.samples);
            (name.clone(), header)
        };
        let mut headers: Map<_, _> = self.headers.iter().map(of_answer).collect();
        let id = REQUEST_ID;
        let of_all = of_answers::of_answer(id.as_str(), true);
        headers.insert(id.as_str().to_owned(), of_all);
        let mut shown = json!({"description": self.when.join(". "), "headers": headers});
        for (name, part) in [("content", &self.content), ("links", &self.links)] {
            if !part.is_empty() {
                shown[name] = json!(part);
            }
        }
        shown
    }
}

/// A text as a name: letters, digits and `-`, and no number of the moment.
fn name_of(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).take(8).collect();
    words.join("-").to_lowercase()
}
