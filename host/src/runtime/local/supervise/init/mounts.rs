//! What an isolated workspace sees of the machine's files.
//!
//! Everything as it is, but: its own `/proc`, `/tmp`, `/var/tmp`, `/dev/shm` and terminals; `/sys` only to read, so that it
//! cannot move out of its control group; and an empty place where the platform keeps its own things.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind,
    mount_change, mount_remount, move_mount, open_tree,
};
use rustix::process::geteuid;

use super::super::super::dir::WorkspaceDir;
use super::super::super::isolation::{OWN, Sandbox};
use super::super::super::mountinfo::{self, Mounted};
use super::devices;

/// What could not be done, in words that follow "cannot".
pub(super) struct MountError {
    pub(super) what: String,
    pub(super) source: io::Error,
}

pub(super) type Outcome<T = ()> = Result<T, MountError>;

/// Says what an error was about.
pub(super) fn doing<E: Into<io::Error>>(what: String) -> impl FnOnce(E) -> MountError {
    |source| MountError {
        what,
        source: source.into(),
    }
}

/// Files of the kernel's that let root change or read the whole machine: only to be read, and not at all.
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
const MASKED: [&str; 3] = ["kcore", "keys", "timer_list"];

/// Arranges the mount namespace that this process has just made.
pub(super) fn arrange(dir: &WorkspaceDir, sandbox: &Sandbox) -> Outcome {
    mount_change(
        "/",
        MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
    )
    .map_err(doing("keep its mounts to itself".to_owned()))?;
    // Held by handle, because the paths to them are about to be covered.
    let work = Held::new(&dir.work())?;
    let temporary = [Held::new(&dir.tmp())?, Held::new(&dir.tmp())?];
    let kept = sandbox.kept.iter().filter(|path| path.exists());
    let kept = kept
        .map(|path| Ok((path, Held::new(path)?)))
        .collect::<Outcome<Vec<_>>>()?;
    let null = Held::new(Path::new("/dev/null"))?;

    own_proc(&null)?;
    devices::arrange()?;
    for (held, place) in temporary.iter().zip(OWN) {
        if is_directory(Path::new(place)) {
            held.put(Path::new(place))?;
        }
    }
    let covers = hide(&sandbox.hidden, &null)?;
    fs::create_dir_all(dir.work()).map_err(doing(format!("make {}", dir.work().display())))?;
    work.put(&dir.work())?;
    for (path, held) in kept {
        if !path.exists() {
            held.put_file(path)?;
        }
    }
    let read_only = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    for cover in covers {
        mount_remount(&cover, read_only, "")
            .map_err(doing(format!("make {} read-only", cover.display())))?;
    }
    read_only_sys()
}

/// A mount of what was at a path, wherever that path leads by now.
pub(super) struct Held {
    tree: OwnedFd,
    path: PathBuf,
}

impl Held {
    pub(super) fn new(path: &Path) -> Outcome<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, path, flags)
            .map_err(doing(format!("take hold of {}", path.display())))?;
        let path = path.to_owned();
        Ok(Self { tree, path })
    }

    /// Mounts it on something that is there.
    pub(super) fn put(&self, place: &Path) -> Outcome {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&self.tree, "", CWD, place, flags).map_err(doing(format!(
            "mount {} on {}",
            self.path.display(),
            place.display()
        )))
    }

    /// Mounts a file on a new one.
    pub(super) fn put_file(&self, place: &Path) -> Outcome {
        let parent = place.parent().unwrap_or(place);
        fs::create_dir_all(parent)
            .and_then(|()| File::create(place))
            .map_err(doing(format!("make {}", place.display())))?;
        self.put(place)
    }
}

/// A file system of the kernel's.
pub(super) fn kernel_mount(kind: &str, place: &Path, flags: MountFlags, data: &str) -> Outcome {
    let what = || format!("mount {kind} on {}", place.display());
    let data =
        std::ffi::CString::new(data).map_err(|error| doing(what())(io::Error::from(error)))?;
    mount(kind, place, kind, flags, data.as_c_str()).map_err(doing(what()))
}

pub(super) fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn own_proc(null: &Held) -> Outcome {
    let proc = Path::new("/proc");
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    kernel_mount("proc", proc, flags, "")?;
    // Of another user, the kernel itself keeps these files.
    if !geteuid().is_root() {
        return Ok(());
    }
    for name in READ_ONLY {
        let path = proc.join(name);
        if path.exists() {
            mount_bind(&path, &path)
                .and_then(|()| {
                    mount_remount(&path, flags | MountFlags::BIND | MountFlags::RDONLY, "")
                })
                .map_err(doing(format!("make {} read-only", path.display())))?;
        }
    }
    for path in MASKED.map(|name| proc.join(name)) {
        if path.exists() {
            let source = &null.path;
            mount_bind(source, &path).map_err(doing(format!("cover {}", path.display())))?;
        }
    }
    Ok(())
}

/// Covers what the workspace is not to see, and gives the file systems that cover directories: still writable, so that mount
/// points can be made there.
fn hide(hidden: &[PathBuf], null: &Held) -> Outcome<Vec<PathBuf>> {
    let mut covers = Vec::new();
    for path in hidden {
        // Something that covers a directory above it may have hidden it already.
        let Ok(found) = fs::symlink_metadata(path) else {
            continue;
        };
        if found.is_dir() {
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            kernel_mount("tmpfs", path, flags, "mode=0755,size=64k")?;
            covers.push(path.clone());
        } else {
            mount_bind(&null.path, path).map_err(doing(format!("cover {}", path.display())))?;
        }
    }
    Ok(covers)
}

/// Each mount at or below `/sys`, and each control group hierarchy.
fn read_only_sys() -> Outcome {
    let mounted = mountinfo::read().map_err(doing("read the list of mounts".to_owned()))?;
    let sys = |mount: &&Mounted| mount.point.starts_with("/sys") || mount.is_cgroup();
    for mount in mounted.iter().filter(sys) {
        let flags = mount.flags() | MountFlags::BIND | MountFlags::RDONLY;
        match mount_remount(&mount.point, flags, "") {
            // A later mount covers this one, so nobody reaches it.
            Ok(()) | Err(Errno::NOENT | Errno::INVAL) => {}
            Err(error) => {
                let what = format!("make {} read-only", mount.point.display());
                return Err(doing(what)(error));
            }
        }
    }
    Ok(())
}
