//! A request as the routes see it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use axum::http::{HeaderMap, StatusCode, Uri};

use crate::gitlab::Gitlab;
use crate::params::Params;
use crate::refusal::Refusal;

pub(crate) struct Asked {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) params: Params,
}

impl FromRequest<Arc<Gitlab>> for Asked {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Arc<Gitlab>) -> Result<Self, Refusal> {
        let headers = request.headers().clone();
        let original = request.extensions().get::<OriginalUri>();
        let uri = original.map_or_else(|| request.uri().clone(), |OriginalUri(uri)| uri.clone());
        let body = Bytes::from_request(request, state).await.map_err(|_| {
            Refusal::other(
                StatusCode::PAYLOAD_TOO_LARGE,
                "413 Request Entity Too Large",
            )
        })?;
        let params = Params::parse(uri.query().unwrap_or_default(), &headers, &body)?;
        Ok(Self {
            uri,
            headers,
            params,
        })
    }
}
