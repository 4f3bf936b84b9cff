//! What `/proc/self/mountinfo` says about mounts.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::mount::MountFlags;

/// One mount.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Which part of the file system is mounted.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
    pub(super) kind: String,
    /// Those of the file system, such as the controllers of a hierarchy of control groups.
    pub(super) options: String,
    /// Those of this mount.
    own_options: String,
}

impl Mounted {
    /// Whether it is a hierarchy of control groups.
    pub(super) fn is_cgroup(&self) -> bool {
        matches!(self.kind.as_str(), "cgroup" | "cgroup2")
    }

    /// The flags of this mount; in a user namespace they have to be repeated when one is added.
    pub(super) fn flags(&self) -> MountFlags {
        let known = [
            ("ro", MountFlags::RDONLY),
            ("nosuid", MountFlags::NOSUID),
            ("nodev", MountFlags::NODEV),
            ("noexec", MountFlags::NOEXEC),
            ("noatime", MountFlags::NOATIME),
            ("nodiratime", MountFlags::NODIRATIME),
            ("relatime", MountFlags::RELATIME),
        ];
        let set = known
            .iter()
            .filter(|(name, _)| self.own_options.split(',').any(|option| option == *name));
        set.map(|(_, flag)| *flag).collect()
    }
}

/// All mounts that this process can reach, in the order in which they were made.
pub(super) fn read() -> io::Result<Vec<Mounted>> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Mounted> {
    // The number of optional fields in the middle varies; a dash ends them.
    let (head, tail) = line.split_once(" - ")?;
    let mut head = head.split(' ').skip(3);
    let (root, point, own_options) = (head.next()?, head.next()?, head.next()?);
    let mut tail = tail.split(' ');
    let (kind, _, options) = (tail.next()?, tail.next()?, tail.next()?);
    Some(Mounted {
        root: unescape(root),
        point: unescape(point),
        kind: kind.to_owned(),
        options: options.to_owned(),
        own_options: own_options.to_owned(),
    })
}

/// Blanks and backslashes are written as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if *first == b'\\' => {
                bytes.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_and_without_optional_fields() {
        let line = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime,nosuid master:1 - ext3 /dev/root rw,errors=continue";
        let mounted = parse(line).unwrap();
        assert_eq!(mounted.point, PathBuf::from("/mnt 2"));
        assert_eq!(mounted.root, PathBuf::from("/mnt1"));
        assert_eq!(mounted.flags(), MountFlags::NOATIME | MountFlags::NOSUID);
        let line = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        let mounted = parse(line).unwrap();
        assert!(mounted.is_cgroup());
        assert_eq!(mounted.options, "rw,memory");
        assert_eq!(parse("nonsense"), None);
    }
}
