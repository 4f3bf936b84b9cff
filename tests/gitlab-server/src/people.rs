//! Users, groups and projects, and who may what where.

use std::collections::BTreeMap;

/// Roles, as numbers: a higher one may more.
pub mod level {
    /// Guest.
    pub const GUEST: u64 = 10;
    /// Planner.
    pub const PLANNER: u64 = 15;
    /// Reporter.
    pub const REPORTER: u64 = 20;
    /// Developer.
    pub const DEVELOPER: u64 = 30;
    /// Maintainer.
    pub const MAINTAINER: u64 = 40;
    /// Owner.
    pub const OWNER: u64 = 50;

    pub(crate) const ALL: [u64; 6] = [GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserKind {
    Human,
    /// The user that stands behind a project's or group's access token.
    Bot,
    /// With the group that it belongs to.
    ServiceAccount(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) kind: UserKind,
    pub(crate) admin: bool,
    pub(crate) blocked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceKind {
    Project,
    Group,
}

impl PlaceKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Group => "group",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Project => "Project",
            Self::Group => "Group",
        }
    }

    /// Who manages its access tokens.
    pub(crate) fn manager(self) -> u64 {
        match self {
            Self::Project => level::MAINTAINER,
            Self::Group => level::OWNER,
        }
    }
}

/// A group or a project. All are private.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) kind: PlaceKind,
    pub(crate) id: u64,
    pub(crate) path: String,
    /// Levels by user.
    pub(crate) members: BTreeMap<u64, u64>,
}

impl Place {
    pub(crate) fn is_named(&self, kind: PlaceKind, name: &str) -> bool {
        let by_path = self.path.eq_ignore_ascii_case(name);
        self.kind == kind && (self.id.to_string() == name || by_path)
    }

    pub(crate) fn is_top_level(&self) -> bool {
        !self.path.contains('/')
    }

    fn lies_in(&self, group: &Self) -> bool {
        let below = self.path.strip_prefix(&group.path);
        group.kind == PlaceKind::Group && below.is_some_and(|rest| rest.starts_with('/'))
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    pub(crate) users: Vec<User>,
    pub(crate) places: Vec<Place>,
}

impl People {
    /// The number is the next free one.
    pub(crate) fn add_user(&mut self, username: &str, kind: UserKind) -> &mut User {
        let id = self.users.iter().map(|user| user.id).max().unwrap_or(0) + 1;
        self.users.push(User {
            id,
            username: username.to_owned(),
            name: username.to_owned(),
            kind,
            admin: false,
            blocked: false,
        });
        let last = self.users.len() - 1;
        &mut self.users[last]
    }

    pub(crate) fn user(&self, id: u64) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub(crate) fn user_mut(&mut self, username: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.username == username)
    }

    pub(crate) fn place(&self, kind: PlaceKind, name: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.is_named(kind, name))
    }

    /// The role of a user in a place, inherited from the groups above. None for a stranger.
    pub(crate) fn role(&self, user: &User, place: &Place) -> Option<u64> {
        if user.admin {
            return Some(level::OWNER);
        }
        let inherited = self.places.iter().filter(|other| place.lies_in(other));
        let all = inherited.chain([place]);
        all.filter_map(|one| one.members.get(&user.id))
            .max()
            .copied()
    }

    pub(crate) fn join(&mut self, kind: PlaceKind, place: u64, user: u64, role: u64) {
        let mut places = self.places.iter_mut();
        if let Some(place) = places.find(|one| one.kind == kind && one.id == place) {
            place.members.insert(user, role);
        }
    }
}
