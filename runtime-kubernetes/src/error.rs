//! What the API server's errors mean for a workspace.

use std::path::Path;

use kube::Error;
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind, causes, quoted},
    workspace_id::WorkspaceId,
};

use crate::action::Action;

/// The status of an answer that was no success.
pub(crate) fn code(error: &Error) -> Option<u16> {
    if let Error::Api(status) = error {
        return Some(status.code);
    }
    None
}

/// Whether the object is not there.
pub(crate) fn is_missing(error: &Error) -> bool {
    code(error) == Some(404)
}

/// Whether an object has the name already, or is not the one that was meant.
pub(crate) fn is_conflict(error: &Error) -> bool {
    code(error) == Some(409)
}

/// About one workspace, or about the runtime as a whole.
pub(crate) fn made(
    id: Option<&WorkspaceId>,
    kind: RuntimeErrorKind,
    message: impl Into<String>,
) -> RuntimeError {
    match id {
        Some(id) => RuntimeError::new(id, kind, message),
        None => RuntimeError::of_all(kind, message),
    }
}

/// The Role does not allow this.
pub(crate) fn forbidden(id: Option<&WorkspaceId>, action: Action, namespace: &str) -> RuntimeError {
    let Action {
        what,
        verb,
        resource,
    } = action;
    let message = format!(
        "cannot {what}: expected the platform to be allowed to `{verb}` `{resource}` in the namespace {namespace}, found that it is not: add \
         the verb to its Role, as in deploy/kubernetes, or correct `kubernetes.namespace`"
    );
    made(id, RuntimeErrorKind::Engine, message)
}

/// An error of the API server while it was to do `action`, or none of an API server at all.
pub(crate) fn failed(
    id: Option<&WorkspaceId>,
    action: Action,
    namespace: &str,
    error: &Error,
) -> RuntimeError {
    let what = action.what;
    let Error::Api(status) = error else {
        return away(id, what, &causes(error));
    };
    let missing_namespace = status
        .details
        .as_ref()
        .is_some_and(|details| details.kind == "namespaces");
    let words = quoted(&status.message);
    match status.code {
        401 => made(
            id,
            RuntimeErrorKind::Engine,
            format!(
                "cannot {what}: expected credentials that the API server accepts, found that it does not know them: renew them"
            ),
        ),
        // Neither a quota nor a policy stands before reading: the server has just started, and does not know the Role yet.
        403 if action.reads() => made(
            id,
            RuntimeErrorKind::Unavailable,
            format!("cannot {what}: the API server does not know the Role yet: {words}; try again"),
        ),
        403 => made(
            id,
            RuntimeErrorKind::OutOfResources,
            format!(
                "cannot {what}: the cluster's rules or quotas forbid it, though the Role does not: {words}"
            ),
        ),
        404 if missing_namespace => made(
            id,
            RuntimeErrorKind::Engine,
            format!(
                "cannot {what}: expected the namespace {namespace}, found none: create it, or correct `kubernetes.namespace`"
            ),
        ),
        // What is invalid in a Secret may be its contents.
        422 if action.resource == "secrets" => made(
            id,
            RuntimeErrorKind::Invalid,
            format!("cannot {what}: the API server finds it invalid"),
        ),
        400 | 422 => made(
            id,
            RuntimeErrorKind::Invalid,
            format!("cannot {what}: the API server finds it invalid: {words}"),
        ),
        429 | 500..=599 => made(
            id,
            RuntimeErrorKind::Unavailable,
            format!(
                "cannot {what}: the API server answers {}: {words}; try again",
                status.code
            ),
        ),
        code => made(
            id,
            RuntimeErrorKind::Engine,
            format!("cannot {what}: the API server answers {code}: {words}"),
        ),
    }
}

/// No answer came.
pub(crate) fn away(id: Option<&WorkspaceId>, what: &str, found: &str) -> RuntimeError {
    let message = format!(
        "cannot {what}: expected an API server, found: {}; start it, or correct `kubernetes.kubeconfig`",
        quoted(found)
    );
    made(id, RuntimeErrorKind::Unavailable, message)
}

/// There is no kubeconfig, and no service account of a Pod either.
pub(crate) fn outside(error: &(dyn std::error::Error + 'static)) -> RuntimeError {
    let message = format!(
        "expected the service account of a Pod, since there is no `kubernetes.kubeconfig`, found: {}; set it, or run the platform in the cluster",
        quoted(&causes(error))
    );
    made(None, RuntimeErrorKind::Engine, message)
}

/// The kubeconfig cannot be read, or has not what it should have.
pub(crate) fn kubeconfig(path: &Path, error: &(dyn std::error::Error + 'static)) -> RuntimeError {
    let message = format!(
        "expected a kubeconfig at {}, found: {}; correct `kubernetes.kubeconfig` or `kubernetes.context`",
        path.display(),
        quoted(&causes(error))
    );
    made(None, RuntimeErrorKind::Engine, message)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;
    use crate::action::{CREATE_POD, CREATE_SECRET, GET_POD};

    fn answer(code: u16, message: &str, action: Action) -> RuntimeError {
        let status = Status::failure(message, "").with_code(code);
        failed(None, action, "agents", &Error::Api(Box::new(status)))
    }

    #[test]
    fn an_answer_has_its_kind() {
        let kinds = [
            (401, RuntimeErrorKind::Engine),
            (403, RuntimeErrorKind::OutOfResources),
            (422, RuntimeErrorKind::Invalid),
            (503, RuntimeErrorKind::Unavailable),
            (418, RuntimeErrorKind::Engine),
        ];
        for (code, kind) in kinds {
            assert_eq!(answer(code, "words", CREATE_POD).kind(), kind, "{code}");
        }
        let early = answer(403, "words", GET_POD);
        assert_eq!(early.kind(), RuntimeErrorKind::Unavailable, "{early}");
    }

    #[test]
    fn nothing_of_a_secret_is_repeated() {
        let error = answer(422, "data[K]: Invalid value: hunter2", CREATE_SECRET);
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn what_the_role_lacks_is_named() {
        let text = forbidden(None, CREATE_SECRET, "agents").to_string();
        assert!(
            text.contains("`create` `secrets` in the namespace agents"),
            "{text}"
        );
    }
}
