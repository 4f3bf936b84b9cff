//! Where this process may make control groups.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::group::write;
use super::{Controller, Groups, Place, Version};
use crate::runtime::local::mountinfo::{self, Mounted};
use crate::runtime::local::proc;

/// The group of the platform and its supervisors, beside that of the workspaces: of the groups of version 2 only leaves may hold
/// processes. A unit of systemd may put the platform there at once (`DelegateSubgroup=platform`).
const PLATFORM: &str = "platform";
const WORKSPACES: &str = "workspaces";

/// Version 2 where it has controllers, else version 1.
pub(super) fn prepare(root: &Path) -> Groups {
    let read = mountinfo::read().and_then(|mounted| {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        Ok((mounted, own))
    });
    let (mounted, own) = match read {
        Ok(read) => read,
        Err(error) => return Groups::none(format!("the control groups cannot be read ({error})")),
    };
    let here = Here {
        mounted: &mounted,
        own: &own,
        name: name(root),
    };
    let groups = match here.unified() {
        Ok(groups) => groups,
        Err(missing) => here.legacy(missing),
    };
    sweep(&groups);
    groups
}

/// The control groups that this process is in.
struct Here<'a> {
    mounted: &'a [Mounted],
    /// `/proc/self/cgroup`.
    own: &'a str,
    /// Under which groups are made where others make theirs, too.
    name: String,
}

impl Here<'_> {
    fn unified(&self) -> Result<Groups, String> {
        let mount = self.mounted.iter().rfind(|mount| mount.kind == "cgroup2");
        let own = mount.and_then(|mount| directory(mount, own_path(self.own, "")?));
        let own = own.ok_or("there are no control groups of version 2")?;
        let wanted = listed(&own.join("cgroup.controllers"));
        if wanted.is_empty() {
            return Err(
                "its control group has none of the controllers memory, cpu and pids".into(),
            );
        }
        let (base, home, groups) = if own.join("cgroup.type").exists() {
            let base = match own.parent() {
                Some(parent) if own.ends_with(PLATFORM) => parent.to_owned(),
                Some(_) | None => own.clone(),
            };
            let home = base.join(PLATFORM);
            if base == own {
                move_to_leaf(&base, &home)?;
            }
            let groups = base.join(WORKSPACES);
            (base, home, groups)
        } else {
            // The root may hold processes and groups.
            let groups = own.join(&self.name);
            (own.clone(), own, groups)
        };
        make(&groups)?;
        for controller in &wanted {
            for group in [&base, &groups] {
                // What cannot be enabled is not listed below.
                let order = format!("+{}", controller.name());
                drop(write(&group.join("cgroup.subtree_control"), &order));
            }
        }
        let places: Vec<_> = listed(&groups.join("cgroup.subtree_control"))
            .into_iter()
            .map(|controller| Place {
                controller,
                groups: groups.clone(),
                home: home.clone(),
            })
            .collect();
        if places.is_empty() {
            return Err(format!(
                "no controller can be enabled in {}",
                base.display()
            ));
        }
        Ok(Groups {
            version: Some(Version::V2),
            places,
            missing: format!("{} has no such controller", base.display()),
        })
    }

    fn legacy(&self, mut missing: String) -> Groups {
        let mut places = Vec::new();
        for controller in Controller::ALL {
            match self.legacy_place(controller) {
                None => {}
                Some(Ok(place)) => places.push(place),
                Some(Err(error)) => missing = error,
            }
        }
        Groups {
            version: (!places.is_empty()).then_some(Version::V1),
            places,
            missing,
        }
    }

    fn legacy_place(&self, controller: Controller) -> Option<Result<Place, String>> {
        let name = controller.name();
        let has = |mount: &&Mounted| {
            mount.kind == "cgroup" && mount.options.split(',').any(|option| option == name)
        };
        let mount = self.mounted.iter().rfind(has)?;
        let home = directory(mount, own_path(self.own, name)?)?;
        let groups = home.join(&self.name);
        Some(make(&groups).map(|()| Place {
            controller,
            groups,
            home,
        }))
    }
}

/// Which of ours a file of the kernel's names.
fn listed(file: &Path) -> Vec<Controller> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let named = |controller: &Controller| {
        text.split_whitespace()
            .any(|name| name == controller.name())
    };
    Controller::ALL.into_iter().filter(named).collect()
}

/// The path of this process's group in the hierarchy of a controller; of version 2 for the empty name.
fn own_path<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        controllers
            .split(',')
            .any(|one| one == controller)
            .then_some(path)
    })
}

/// Where a group is mounted; where only a part of the hierarchy is mounted that does not hold it, as in containers, that part.
fn directory(mount: &Mounted, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path).strip_prefix(&mount.root);
    let inside = relative.map(|relative| mount.point.join(relative));
    let found = inside.ok().filter(|inside| inside.is_dir());
    found
        .or_else(|| Some(mount.point.clone()))
        .filter(|directory| directory.is_dir())
}

/// Moves this process and what it has started out of `base`, which must hold nothing else.
fn move_to_leaf(base: &Path, leaf: &Path) -> Result<(), String> {
    let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    let mut ours: Vec<_> = proc::descendants(own).iter().map(|one| one.pid).collect();
    ours.push(own);
    let inside = fs::read_to_string(base.join("cgroup.procs")).unwrap_or_default();
    let inside: Vec<i32> = inside.lines().filter_map(|pid| pid.parse().ok()).collect();
    let others = inside.iter().filter(|pid| !ours.contains(pid)).count();
    if others > 0 {
        return Err(format!(
            "its control group {} holds {others} other processes",
            base.display()
        ));
    }
    make(leaf)?;
    for pid in inside {
        write(&leaf.join("cgroup.procs"), &pid.to_string())
            .map_err(|error| format!("it cannot move to {} ({error})", leaf.display()))?;
    }
    Ok(())
}

fn make(group: &Path) -> Result<(), String> {
    match fs::create_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(format!("it cannot make {} ({error})", group.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Another for each directory of workspaces, and the same after a restart.
fn name(root: &Path) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let hex = digest.iter().take(6).map(|byte| format!("{byte:02x}"));
    format!("provisionhook-{}", hex.collect::<String>())
}

/// Removes what supervisors that were killed have left; the kernel keeps a group in which something lives.
fn sweep(groups: &Groups) {
    for place in &groups.places {
        let Ok(entries) = fs::read_dir(&place.groups) else {
            continue;
        };
        for entry in entries.flatten() {
            drop(fs::remove_dir(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_finds_its_groups_of_both_versions() {
        let own = "8:pids:/\n4:cpu,cpuacct:/a/b\n1:name=systemd:/x\n0::/system.slice/p.service\n";
        assert_eq!(own_path(own, "cpu"), Some("/a/b"));
        assert_eq!(own_path(own, "pids"), Some("/"));
        assert_eq!(own_path(own, ""), Some("/system.slice/p.service"));
        assert_eq!(own_path(own, "memory"), None);
    }

    #[test]
    fn each_directory_of_workspaces_has_its_own_name() {
        let one = name(Path::new("/var/lib/one/workspaces"));
        assert_eq!(one, name(Path::new("/var/lib/one/workspaces")));
        assert_ne!(one, name(Path::new("/var/lib/two/workspaces")));
        assert_eq!(one.len(), "provisionhook-".len() + 12);
    }
}
