//! What a caller is told when an operation on a workspace fails.

use axum::http::StatusCode;

use super::ApiError;
use crate::provision::{ProvisionError, ProvisionErrorKind, Reason};

impl From<ProvisionError> for ApiError {
    fn from(error: ProvisionError) -> Self {
        let causes = error.causes();
        match error.kind {
            ProvisionErrorKind::Invalid(problems) => {
                Self::problems("the workspace cannot be created as described", problems)
            }
            ProvisionErrorKind::NotFound => Self::no_workspace(),
            ProvisionErrorKind::Exists => Self::new(
                StatusCode::CONFLICT,
                "a workspace of this id exists already",
            ),
            ProvisionErrorKind::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this idempotency key came with another request before",
            ),
            ProvisionErrorKind::InProgress => Self::new(
                StatusCode::CONFLICT,
                "the request with this idempotency key is still running: try again later",
            )
            .retry_after(1),
            ProvisionErrorKind::Deleted => Self::new(
                StatusCode::GONE,
                "the workspace of this idempotency key was deleted",
            ),
            ProvisionErrorKind::NotRunning(state) => Self::new(
                StatusCode::CONFLICT,
                format!(
                    "expected a workspace that runs or is paused, found one that is {state}: restart it first"
                ),
            ),
            ProvisionErrorKind::Unsupported => Self::new(
                StatusCode::NOT_IMPLEMENTED,
                "expected a runtime that can pause workspaces, found one that cannot: stop the workspace instead",
            ),
            ProvisionErrorKind::RuntimeUnavailable => {
                Self::runtime_away().because("[provision] operation failed", causes)
            }
            ProvisionErrorKind::DiskFull => {
                Self::disk_full().because("[provision] operation failed", causes)
            }
            ProvisionErrorKind::Overloaded => Self::overloaded(),
            ProvisionErrorKind::ShuttingDown => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the platform is shutting down",
            )
            .retry_after(5),
            ProvisionErrorKind::Failed(reason, _) => {
                let failed = Self::failed(reason).because("[provision] workspace failed", causes);
                error.id.into_iter().fold(failed, Self::about)
            }
            ProvisionErrorKind::Platform(_) => {
                Self::internal("[provision] operation failed", causes)
            }
        }
    }
}

impl ApiError {
    fn runtime_away() -> Self {
        let error = "the runtime of workspaces cannot be reached: try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error).retry_after(5)
    }

    fn disk_full() -> Self {
        let error = "no room is left on a disk that the workspace needs";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, error)
    }

    /// A workspace that failed. The reason is a word; the cause stays here.
    fn failed(reason: Reason) -> Self {
        let (status, error) = match reason {
            Reason::CommandNotFound => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "the command was not found",
            ),
            Reason::NotExecutable => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "the command cannot be executed",
            ),
            Reason::Unstartable => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "command and environment cannot be given to a process",
            ),
            Reason::TooLarge => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "command and environment are larger than a process can be given: shorten them, or hand values over in files",
            ),
            Reason::ImageUnavailable => {
                (StatusCode::UNPROCESSABLE_ENTITY, "the image cannot be had")
            }
            Reason::DiskFull => return Self::disk_full(),
            Reason::RuntimeUnavailable => return Self::runtime_away(),
            Reason::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "provisioning took too long"),
            Reason::PluginFailed | Reason::StartFailed | Reason::Interrupted | Reason::Lost => {
                (StatusCode::INTERNAL_SERVER_ERROR, "provisioning failed")
            }
        };
        Self::new(status, error)
    }
}
