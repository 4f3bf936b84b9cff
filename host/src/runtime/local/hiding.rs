//! Which places are covered, so that isolated workspaces do not see what they are not to see.
//!
//! A mount on a file goes away with that file: when another one is renamed over it, as tools do that write secrets, workspaces that
//! run see the new one. So a secret's file is hidden by covering the directory that it is in, and through links each directory on the
//! way, unless workspaces need that directory. Then the file is covered by itself, and a note says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::isolation::IsolationSettings;

/// Places of which every workspace has its own.
const OWN: [&str; 4] = ["/dev", "/proc", "/tmp", "/var/tmp"];
/// What is directly in these is shared by everybody, as is what stands below.
const CROWDED: [&str; 6] = ["/", "/home", "/run/user", "/usr", "/usr/local", "/var"];
const SHARED: [&str; 5] = [
    "/etc/pki",
    "/etc/pki/tls",
    "/etc/pki/tls/certs",
    "/etc/ssl",
    "/etc/ssl/certs",
];
/// As many links lead to a file as the kernel follows.
const MAX_LINKS: usize = 40;

/// What workspaces that are started from now on are not to see. All clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Hiding(Arc<Places>);

#[derive(Debug, Default)]
struct Places {
    /// Covered as they are.
    hidden: Vec<PathBuf>,
    /// Files that are covered with their directories.
    secrets: Vec<PathBuf>,
    needed: Vec<PathBuf>,
    /// The same as `secrets`, and may change.
    further: Mutex<Vec<PathBuf>>,
}

/// What is covered, as the file system is now.
pub(super) struct Covers {
    /// Parents before what is in them.
    pub(super) places: Vec<PathBuf>,
    /// Those of them that are files of secrets, because workspaces need the directory.
    alone: Vec<PathBuf>,
}

impl Hiding {
    /// `root` is the directory of the workspaces.
    pub(super) fn new(settings: &IsolationSettings, root: &Path) -> Self {
        let hidden = settings.hidden.iter().cloned();
        let needed = settings.needed.iter();
        // Both ways to it must stay open.
        let needed = needed.flat_map(|path| [Some(path.clone()), path.canonicalize().ok()]);
        Self(Arc::new(Places {
            hidden: hidden.chain([root.to_owned()]).collect(),
            secrets: settings.secrets.clone(),
            needed: needed.flatten().collect(),
            further: Mutex::default(),
        }))
    }

    /// Hides these files of secrets beside those of the settings, in place of those that this was told before. If workspaces that run
    /// would see some of them once they are replaced, says so, and not again for the same ones.
    pub fn hide_further(&self, secrets: Vec<PathBuf>) -> Option<String> {
        if *self.further() == secrets {
            return None;
        }
        let before = self.covers().alone;
        *self.further() = secrets;
        let mut after = self.covers().alone;
        after.retain(|file| !before.contains(file));
        note(&after)
    }

    /// What is wrong with the places of secrets: what was expected, what was found, what to do.
    pub(super) fn note(&self) -> Option<String> {
        note(&self.covers().alone)
    }

    /// The places to cover now. Blocks.
    pub(super) fn covers(&self) -> Covers {
        let whole = self.0.hidden.iter();
        let mut places: Vec<_> = whole.filter_map(|path| path.canonicalize().ok()).collect();
        let mut alone = Vec::new();
        for place in self.secrets().iter().flat_map(|secret| way(secret)) {
            match place.parent() {
                Some(directory) if !self.needs(directory) => places.push(directory.to_owned()),
                Some(_) | None => alone.push(place),
            }
        }
        let covered = |file: &PathBuf| {
            let own = OWN.iter().map(Path::new);
            let mut covers = places.iter().map(PathBuf::as_path).chain(own);
            covers.any(|cover| file.starts_with(cover))
        };
        alone.retain(|file| !covered(file));
        alone.sort();
        alone.dedup();
        // What a link leads to stands here, too.
        places.extend(alone.iter().filter(|file| !file.is_symlink()).cloned());
        places.sort();
        places.dedup();
        Covers { places, alone }
    }

    fn secrets(&self) -> Vec<PathBuf> {
        let secrets = self.0.secrets.iter();
        secrets.chain(&*self.further()).cloned().collect()
    }

    fn further(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        let further = self.0.further.lock();
        further.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether workspaces could not do without the directory.
    fn needs(&self, directory: &Path) -> bool {
        let is_any = |names: &[&str], path: &Path| names.iter().any(|name| path == Path::new(name));
        let own = OWN.iter().any(|own| directory.starts_with(own));
        let crowded = directory
            .parent()
            .is_none_or(|parent| is_any(&CROWDED, parent));
        let mut needed = self.0.needed.iter();
        own || crowded
            || is_any(&SHARED, directory)
            || needed.any(|path| path.starts_with(directory))
    }
}

fn note(alone: &[PathBuf]) -> Option<String> {
    let names: Vec<_> = alone
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "expected the platform's secrets in directories that workspaces can do without, found some in others ({}): a workspace that runs sees such a \
             file once another takes its place; move it to a directory of its own, or write it in place",
            names.join(", ")
        )
    })
}

/// The file and the links that lead to it, each by a path without links above it.
fn way(file: &Path) -> Vec<PathBuf> {
    let mut way = Vec::new();
    let mut next = std::path::absolute(file).ok();
    while let Some(path) = next.take()
        && way.len() <= MAX_LINKS
    {
        // Where the directory is missing, there is nothing to hide.
        let directory = path.parent().and_then(|parent| parent.canonicalize().ok());
        if let (Some(directory), Some(name)) = (directory, path.file_name()) {
            let place = directory.join(name);
            next = fs::read_link(&place)
                .ok()
                .map(|target| directory.join(target));
            way.push(place);
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn directories_that_everybody_needs_are_not_covered() {
        let settings = IsolationSettings {
            needed: ["/opt/agent/bin", "/run/p/api.sock"]
                .map(PathBuf::from)
                .into(),
            ..IsolationSettings::default()
        };
        let hiding = Hiding::new(&settings, Path::new("/var/lib/p"));
        for needed in [
            "/",
            "/etc",
            "/root",
            "/secrets",
            "/usr/bin",
            "/usr/local/etc",
            "/home/me",
            "/var/lib",
            "/etc/ssl/certs",
            "/opt/agent",
            "/opt/agent/bin",
            "/run/p",
            "/run/user/7",
            "/proc/7/fd",
        ] {
            assert!(hiding.needs(Path::new(needed)), "{needed}");
        }
        for own in [
            "/etc/p",
            "/etc/ssl/private",
            "/run/secrets",
            "/home/me/p",
            "/var/lib/keys",
            "/opt/agent/keys",
        ] {
            assert!(!hiding.needs(Path::new(own)), "{own}");
        }
    }

    #[test]
    fn each_link_on_the_way_to_a_file_is_found_and_a_circle_ends() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().canonicalize().unwrap().join(name);
        fs::create_dir_all(at("live")).unwrap();
        fs::create_dir_all(at("archive/7")).unwrap();
        symlink("7", at("archive/now")).unwrap();
        symlink("../archive/now/key", at("live/key")).unwrap();
        assert_eq!(way(&at("live/key")), [at("live/key"), at("archive/7/key")]);
        symlink("circle", at("circle")).unwrap();
        assert_eq!(way(&at("circle")).len(), MAX_LINKS + 1);
        assert_eq!(way(&at("none/key")), [] as [PathBuf; 0]);
        assert_eq!(way(&at("gone")), [at("gone")]);
    }
}
