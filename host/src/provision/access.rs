//! Who may ask for a workspace's tokens: the open workspaces, with the hash of the token that each was given.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::ArcSwap;

use crate::{call::Call, redact::Guard, store::TokenHash};

/// The open workspaces. Reads take no lock, because every token request is one; a change copies the table, because
/// workspaces come and go far more seldom than they ask.
#[derive(Default)]
pub struct Access {
    open: ArcSwap<HashMap<Box<str>, Arc<Grant>>>,
}

/// What the bearer of a workspace's token is: that workspace.
#[derive(Debug)]
pub struct Grant {
    hash: TokenHash,
    added: Option<Arc<Added>>,
    /// The call in whose name tokens are asked for. It has no deadline: the asker adds one.
    pub call: Call,
    /// Keep the workspace's secrets out of the logs while it is open.
    guards: Arc<Vec<Guard>>,
}

/// A further token of the workspace.
#[derive(Debug)]
struct Added {
    hash: TokenHash,
    _guard: Option<Guard>,
}

impl Access {
    /// Opens a workspace to the token with this hash, in place of the one before. What the guards protect stays out of the
    /// logs until it is closed.
    pub fn open(&self, hash: TokenHash, call: Call, guards: Vec<Guard>) {
        let grant = Arc::new(Grant {
            hash,
            added: None,
            call,
            guards: Arc::new(guards),
        });
        let id: Box<str> = grant.call.attributes.workspace_id.as_str().into();
        self.open.rcu(|open| {
            let mut open = HashMap::clone(open);
            open.insert(id.clone(), Arc::clone(&grant));
            open
        });
    }

    /// Opens an open workspace to a further token, too, in place of one that was added before. The guard keeps it out of the logs.
    pub fn add(&self, id: &str, hash: TokenHash, guard: Option<Guard>) {
        let added = Arc::new(Added {
            hash,
            _guard: guard,
        });
        self.open.rcu(|open| {
            let mut open = HashMap::clone(open);
            if let Some(grant) = open.get_mut(id) {
                *grant = Arc::new(Grant {
                    hash: grant.hash,
                    added: Some(Arc::clone(&added)),
                    call: grant.call.clone(),
                    guards: Arc::clone(&grant.guards),
                });
            }
            open
        });
    }

    /// Closes a workspace: its tokens open nothing from now on.
    pub fn close(&self, id: &str) {
        self.open.rcu(|open| {
            let mut open = HashMap::clone(open);
            open.remove(id);
            open
        });
    }

    /// Whether the workspace is open.
    #[must_use]
    pub fn is_open(&self, id: &str) -> bool {
        self.open.load().contains_key(id)
    }

    /// The grant of workspace `id`, if `presented` is a token of it. An unknown workspace and a wrong token look the same.
    #[must_use]
    pub fn admit(&self, id: &str, presented: &str) -> Option<Arc<Grant>> {
        // Hashed before the lookup, so that an unknown workspace takes as long as a known one.
        let presented = TokenHash::of(presented);
        let open = self.open.load();
        let grant = open.get(id)?;
        let is_added = grant
            .added
            .as_ref()
            .is_some_and(|added| added.hash == presented);
        (grant.hash == presented || is_added).then(|| Arc::clone(grant))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("open", &self.open.load().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{call::Attributes, provision::token::WorkspaceToken};

    fn open(access: &Access, id: &str) -> WorkspaceToken {
        let token = WorkspaceToken::generate().unwrap();
        let attributes = Attributes {
            workspace_id: id.to_owned(),
            ..Attributes::default()
        };
        access.open(
            token.hash(),
            Call {
                attributes,
                ..Call::default()
            },
            Vec::new(),
        );
        token
    }

    #[test]
    fn a_token_opens_its_own_workspace_only() {
        let access = Access::default();
        let (a, b) = (open(&access, "a"), open(&access, "b"));
        assert_eq!(
            access
                .admit("a", a.secret().expose())
                .unwrap()
                .call
                .attributes
                .workspace_id,
            "a"
        );
        assert!(access.admit("a", b.secret().expose()).is_none());
        assert!(access.admit("c", a.secret().expose()).is_none());
        assert!(access.admit("a", "").is_none());
    }

    #[test]
    fn a_closed_workspace_and_a_replaced_token_open_nothing() {
        let access = Access::default();
        let first = open(&access, "a");
        let second = open(&access, "a");
        assert!(access.admit("a", first.secret().expose()).is_none());
        assert!(access.admit("a", second.secret().expose()).is_some());
        access.close("a");
        assert!(access.admit("a", second.secret().expose()).is_none());
    }
}
