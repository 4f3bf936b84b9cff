//! A server that records what it is asked and answers what a test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) url: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Recorded {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The operation of a request in AWS's JSON protocol.
    pub(crate) fn operation(&self) -> &str {
        self.header("x-amz-target")
            .unwrap_or_default()
            .rsplit('.')
            .next()
            .unwrap()
    }

    /// The path and the query.
    pub(crate) fn path(&self) -> &str {
        &self.url[self.url.find("://").unwrap() + 3..][self.header("host").unwrap().len()..]
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// An error of AWS's JSON protocol.
pub(crate) fn error(code: &str, message: &str) -> Answer {
    answer(
        400,
        format!(r#"{{"__type":"{code}","Message":"{message}"}}"#),
    )
}

impl Answer {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Script = dyn Fn(&Recorded) -> Answer + Send + Sync;

struct Inner {
    script: Box<Script>,
    recorded: Mutex<Vec<Recorded>>,
}

/// The server. It stops when it is dropped.
pub(crate) struct Scripted {
    pub(crate) url: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

impl Scripted {
    pub(crate) async fn start(
        script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let inner = Arc::new(Inner {
            script: Box::new(script),
            recorded: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            inner,
            serving,
        }
    }

    /// Answers these in turn, and panics after the last.
    pub(crate) async fn in_turn(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Mutex<VecDeque<Answer>> = Mutex::new(answers.into_iter().collect());
        Self::start(move |request| {
            let next = answers.lock().unwrap().pop_front();
            next.unwrap_or_else(|| answer(599, format!("nobody expected {request:?}")))
        })
        .await
    }

    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        self.inner.recorded.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let host = parts.headers["host"].to_str().unwrap();
    let recorded = Recorded {
        method: parts.method.to_string(),
        url: format!("http://{host}{}", parts.uri),
        body: String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap(),
        headers,
    };
    inner.recorded.lock().unwrap().push(recorded.clone());
    let answer = (inner.script)(&recorded);
    let response = answer.headers.iter().fold(
        Response::builder().status(answer.status),
        |response, (name, value)| response.header(*name, value),
    );
    response.body(Body::from(answer.body)).unwrap()
}
