//! What the platform asks of the API server. The Role in `deploy/kubernetes` grants these and nothing else.

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    /// For errors: `cannot …`.
    pub(crate) what: &'static str,
    /// As a Role has it.
    pub(crate) verb: &'static str,
    /// As a Role has it; with the subresource, if it is about one.
    pub(crate) resource: &'static str,
}

macro_rules! actions {
    ($($name:ident: $what:literal, $verb:literal $resource:literal;)+) => {
        $(pub(crate) const $name: Action = Action { what: $what, verb: $verb, resource: $resource };)+
        /// Each of them.
        pub(crate) const ALL: &[Action] = &[$($name),+];
    };
}

actions! {
    GET_POD: "look for its Pod", "get" "pods";
    LIST_PODS: "list the Pods", "list" "pods";
    WATCH_PODS: "watch the Pods", "watch" "pods";
    CREATE_POD: "create its Pod", "create" "pods";
    PATCH_POD: "change its Pod", "patch" "pods";
    DELETE_POD: "delete its Pod", "delete" "pods";
    READ_LOG: "read its output", "get" "pods/log";
    GET_SECRET: "look for its Secret", "get" "secrets";
    CREATE_SECRET: "create its Secret", "create" "secrets";
    PATCH_SECRET: "change its Secret", "patch" "secrets";
    DELETE_SECRET: "delete its Secret", "delete" "secrets";
    GET_CLAIM: "look for its PersistentVolumeClaim", "get" "persistentvolumeclaims";
    CREATE_CLAIM: "create its PersistentVolumeClaim", "create" "persistentvolumeclaims";
    DELETE_CLAIM: "delete its PersistentVolumeClaim", "delete" "persistentvolumeclaims";
}

impl Action {
    /// Whether nothing is changed by it.
    pub(crate) fn reads(self) -> bool {
        matches!(self.verb, "get" | "list" | "watch")
    }

    /// The resource and the subresource, which a Role writes in one.
    pub(crate) fn parts(self) -> (&'static str, Option<&'static str>) {
        self.resource
            .split_once('/')
            .map_or((self.resource, None), |(resource, sub)| {
                (resource, Some(sub))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subresource_is_told_from_its_resource() {
        assert_eq!(READ_LOG.parts(), ("pods", Some("log")));
        assert_eq!(GET_POD.parts(), ("pods", None));
    }
}
