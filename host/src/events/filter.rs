//! Which events somebody wants to hear of.

use std::collections::BTreeSet;

use crate::{
    store::{Event, EventKind},
    workspace_id::WorkspaceId,
};

/// What an event must be; what is empty or none asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    workspace: Option<WorkspaceId>,
    tenants: Vec<String>,
    kinds: Vec<Pattern>,
}

/// `workspace.failed`, or `workspace.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(String),
    /// With the dot.
    Under(String),
}

/// There is no event of such a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected types of events, found `{0}`: {known} and, for all with one beginning, such as `workspace.*`",
    known = EventKind::all().map(EventKind::as_str).collect::<Vec<_>>().join(", ")
)]
pub struct NoKind(pub String);

impl Filter {
    /// Events of one workspace only.
    #[must_use]
    pub fn of_workspace(mut self, workspace: WorkspaceId) -> Self {
        self.workspace = Some(workspace);
        self
    }

    /// Events of these tenants' workspaces only; none stands for all.
    #[must_use]
    pub fn of_tenants(mut self, tenants: impl IntoIterator<Item = String>) -> Self {
        self.tenants = tenants.into_iter().collect();
        self
    }

    /// Events of these types only; none stands for all.
    ///
    /// # Errors
    /// A type that there is not: a typo would wait for ever.
    pub fn of_kinds<'a>(
        mut self,
        kinds: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, NoKind> {
        self.kinds = kinds.into_iter().map(pattern).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Everything that [`of_kinds`](Self::of_kinds) takes.
    pub(crate) fn all_kinds() -> BTreeSet<String> {
        let names = EventKind::all().map(EventKind::as_str);
        let beginning = |name: &str| name.find('.').map(|dot| format!("{}.*", &name[..dot]));
        names
            .flat_map(|name| [Some(name.to_owned()), beginning(name)])
            .flatten()
            .collect()
    }

    /// The one workspace that it asks for.
    pub(super) const fn workspace(&self) -> Option<&WorkspaceId> {
        self.workspace.as_ref()
    }

    /// Whether this event is wanted.
    #[must_use]
    pub fn passes(&self, event: &Event) -> bool {
        let tenant = || {
            let own = event.tenant.as_ref();
            own.is_some_and(|own| self.tenants.contains(own))
        };
        let of_workspace = |one: &WorkspaceId| *one == event.workspace;
        self.workspace.as_ref().is_none_or(of_workspace)
            && (self.tenants.is_empty() || tenant())
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.fits(&event.kind)))
    }
}

impl Pattern {
    fn fits(&self, kind: &str) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == kind,
            Self::Under(prefix) => kind.starts_with(&**prefix),
        }
    }
}

fn pattern(text: &str) -> Result<Pattern, NoKind> {
    let pattern = match text.strip_suffix('*') {
        Some(prefix) if prefix.ends_with('.') => Pattern::Under(prefix.to_owned()),
        _ => Pattern::Exactly(text.to_owned()),
    };
    if EventKind::all().any(|kind| pattern.fits(kind.as_str())) {
        Ok(pattern)
    } else {
        Err(NoKind(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, tenant: Option<&str>) -> Event {
        Event {
            seq: 1,
            kind: kind.as_str().to_owned(),
            at: 0,
            workspace: "w".parse().unwrap(),
            tenant: tenant.map(str::to_owned),
            data: serde_json::json!({}),
        }
    }

    #[test]
    fn each_part_must_fit_and_what_is_left_out_always_does() {
        let created = event(EventKind::Created, Some("acme"));
        let step = event(EventKind::ProvisionStep, None);
        let kinds = |kinds: &[&str]| Filter::default().of_kinds(kinds.iter().copied()).unwrap();
        assert!(Filter::default().passes(&created) && Filter::default().passes(&step));
        assert!(kinds(&["workspace.*"]).passes(&created));
        assert!(!kinds(&["workspace.*", "cleanup.step"]).passes(&step));
        assert!(kinds(&["cleanup.step", "provision.step"]).passes(&step));
        let acme = Filter::default().of_tenants(["acme".to_owned()]);
        assert!(acme.passes(&created) && !acme.passes(&step));
        let other = Filter::default().of_workspace("x".parse().unwrap());
        assert!(!other.passes(&created));
    }

    #[test]
    fn all_that_can_be_asked_for_is_listed() {
        let all = Filter::all_kinds();
        assert!(all.contains("workspace.*") && all.contains("cleanup.step"));
        for kind in &all {
            assert!(Filter::default().of_kinds([&**kind]).is_ok(), "{kind}");
        }
    }

    #[test]
    fn a_type_that_there_is_not_is_refused() {
        for wrong in ["workspace", "workspace.runing", "*", "work*", "", "x.*"] {
            let error = Filter::default().of_kinds([wrong]).unwrap_err();
            assert_eq!(error, NoKind(wrong.to_owned()));
            assert!(error.to_string().contains("workspace.running"));
        }
    }
}
