//! What every request passes on its way in and out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::DATE;
use axum::middleware::Next;
use axum::response::Response;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::body;
use crate::core::Core;
use crate::fault::{self, Fault};
use crate::record::RequestRecord;

pub(crate) async fn gate(State(core): State<Arc<Core>>, request: Request, next: Next) -> Response {
    let record = RequestRecord {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        status: None,
    };
    let line = record.line();
    let number = core.records.open(record);
    let mut response = answer(&core, &line, request, next).await;
    if let Some(date) = http_date(core.clock.now()) {
        response.headers_mut().insert(DATE, date);
    }
    core.records.close(number, response.status().as_u16());
    response
}

async fn answer(core: &Core, line: &str, request: Request, next: Next) -> Response {
    let fault = core.faults.take(|(part, _)| line.contains(part));
    let fault = fault.map(|(_, fault)| fault);
    if let Some(response) = fault.as_ref().and_then(|fault| fault.answer(core)) {
        return response;
    }
    if let Some(Fault::Slow(delay)) = fault {
        core.pause(delay).await;
    }
    let response = next.run(request).await;
    match fault {
        Some(Fault::LostAnswer) => body::lost(),
        Some(Fault::ServerErrorAfterwards(status)) => fault::page(status),
        Some(Fault::SlowAnswer(delay)) => {
            core.pause(delay).await;
            response
        }
        _ => response,
    }
}

fn http_date(now: Timestamp) -> Option<HeaderValue> {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .ok()?;
    HeaderValue::try_from(date).ok()
}
