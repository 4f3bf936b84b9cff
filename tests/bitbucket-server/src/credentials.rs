//! Who and what opens a door: users, consumers, and the tokens of each.

use jiff::Timestamp;

/// What an access token reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One repository, as `workspace/name`.
    Repository(String),
    /// All repositories of a project, by the workspace and the project's key.
    Project(String, String),
    /// All repositories of a workspace.
    Workspace(String),
}

/// A person, who has two names.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// For the API.
    pub(crate) email: String,
    /// For git.
    pub(crate) username: String,
}

/// A repository. All are private, and every user is a member of every workspace.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    pub(crate) workspace: String,
    pub(crate) slug: String,
    pub(crate) project: String,
}

impl Repository {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.workspace, self.slug)
    }
}

/// An OAuth consumer of a workspace.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) workspace: String,
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) private: bool,
}

/// Whose a token is, which decides how it is to be presented.
#[derive(Clone, Debug)]
pub(crate) enum Owner {
    /// `ATATT…`: Basic, with the e-mail address for the API and the user name for git.
    User(User),
    /// `ATCTT…`: Bearer, and `x-token-auth` for git.
    Access(Reach),
    /// Of an OAuth consumer: the same.
    Consumer(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) value: String,
    pub(crate) owner: Owner,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) revoked: bool,
}

impl Token {
    pub(crate) fn works_at(&self, now: Timestamp) -> bool {
        !self.revoked && now < self.expires_at
    }

    pub(crate) fn reaches(&self, repository: &Repository) -> bool {
        match &self.owner {
            Owner::User(_) => true,
            Owner::Access(Reach::Repository(name)) => *name == repository.full_name(),
            Owner::Access(Reach::Project(workspace, key)) => {
                *workspace == repository.workspace && *key == repository.project
            }
            Owner::Access(Reach::Workspace(workspace)) | Owner::Consumer(workspace) => {
                *workspace == repository.workspace
            }
        }
    }

    /// API tokens have other names for scopes than all the rest.
    pub(crate) fn may(&self, api_token: &str, others: &[&str]) -> bool {
        self.scopes.iter().any(|scope| match self.owner {
            Owner::User(_) => scope == api_token,
            Owner::Access(_) | Owner::Consumer(_) => others.contains(&scope.as_str()),
        })
    }
}
