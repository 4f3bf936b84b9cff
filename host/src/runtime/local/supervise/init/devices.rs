//! The devices of an isolated workspace.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::mount::MountFlags;
use rustix::process::geteuid;

use super::mounts::{Held, Outcome, doing, is_directory, kernel_mount};

/// What every program may expect.
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Gives it terminals and shared memory of its own; and root only the devices that do no harm, because root may open every disk.
pub(super) fn arrange() -> Outcome {
    let dev = Path::new("/dev");
    if geteuid().is_root() {
        harmless(dev)?;
    }
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let terminals = dev.join("pts");
    if is_directory(&terminals) {
        let data = "newinstance,ptmxmode=0666,mode=0620";
        kernel_mount("devpts", &terminals, flags, data)?;
    }
    let memory = dev.join("shm");
    if is_directory(&memory) {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        kernel_mount("tmpfs", &memory, flags, "mode=1777")?;
    }
    Ok(())
}

fn harmless(dev: &Path) -> Outcome {
    let nodes = NODES.iter().map(|name| dev.join(name));
    let nodes = nodes
        .filter(|path| path.exists())
        .map(|path| Ok((Held::new(&path)?, path)))
        .collect::<Outcome<Vec<_>>>()?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    kernel_mount("tmpfs", dev, flags, "mode=0755,size=64k")?;
    for (node, path) in nodes {
        node.put_file(&path)?;
    }
    let make = || {
        for (name, target) in LINKS {
            symlink(target, dev.join(name))?;
        }
        fs::create_dir(dev.join("pts"))?;
        fs::create_dir(dev.join("shm"))
    };
    make().map_err(doing(format!("furnish {}", dev.display())))
}
