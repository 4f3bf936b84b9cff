//! Step 2: a private copy of the file that nobody can change any more.
//!
//! Everything later, `dlopen` included, uses these bytes: a file that is swapped, overwritten or truncated meanwhile
//! changes nothing. Overwriting a library that is mapped from its own file would change the running code at once.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use crate::mismatch::Mismatch;

/// The largest plugin file, in bytes: 256 MiB.
pub const MAX_PLUGIN_BYTES: u64 = 256 << 20;

/// The kernel allows 249 bytes of name; this leaves room for the prefix.
const MAX_NAME_BYTES: usize = 200;

/// How long the kernel's other business with the pages of a new copy is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// A sealed copy in memory. Whoever loads it must keep it for the life of the process: glibc tells libraries apart by
/// path, and gives the *old* library for a descriptor number that was used before.
#[derive(Debug)]
pub struct SealedFile {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl SealedFile {
    /// The path to load it from. Valid as long as this value lives, in this process only.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies `file` and gives the copy, its bytes, and their SHA-256 in lower-case hex. `name` shows in `/proc/PID/maps`.
    ///
    /// # Errors
    /// The file cannot be read, is larger than [`MAX_PLUGIN_BYTES`], or the kernel does not give the memory.
    pub(crate) fn copy(file: File, name: &str) -> Result<(Self, Vec<u8>, String), Mismatch> {
        let bytes = read_limited(file)?;
        let digest = hex(&Sha256::digest(&bytes));
        let descriptor = create(name).map_err(no_memory_file)?;
        let mut memory = File::from(descriptor);
        memory
            .write_all(&bytes)
            .map_err(|error| out_of_memory(&error))?;
        let descriptor = OwnedFd::from(memory);
        seal(&descriptor, PATIENCE)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()));
        Ok((Self { descriptor, path }, bytes, digest))
    }

    /// The descriptor itself, for a child process that loads the same bytes.
    #[must_use]
    pub fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// # Errors
/// It cannot be read, or is too large.
fn read_limited(file: File) -> Result<Vec<u8>, Mismatch> {
    let length = file.metadata().map_err(|error| unreadable(&error))?.len();
    let mut bytes = Vec::new();
    if length <= MAX_PLUGIN_BYTES {
        bytes.reserve_exact(usize::try_from(length).unwrap_or(0).saturating_add(1));
        // The file may grow while it is read, so the limit holds here too.
        file.take(MAX_PLUGIN_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&error))?;
    }
    let length = length.max(bytes.len() as u64);
    if length > MAX_PLUGIN_BYTES {
        return Err(Mismatch::new(
            format!("a file of at most {MAX_PLUGIN_BYTES} bytes"),
            format!("{length} bytes"),
            "strip the library of its debug information",
        ));
    }
    Ok(bytes)
}

/// Asks for an executable memory file by name; kernels before 6.3 do not know the flag and need none.
///
/// # Errors
/// The kernel's.
fn create(name: &str) -> Result<OwnedFd, Errno> {
    let end = name.floor_char_boundary(MAX_NAME_BYTES);
    let name = format!("provisionhook:{}", &name[..end]);
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create(&name, flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => rustix::fs::memfd_create(&name, flags),
        other => other,
    }
}

/// Nobody has mapped the file yet, but whatever holds one of its pages makes the kernel refuse: its own compaction, reclaim or access
/// monitoring do so for a moment. It waits about 150 ms for them itself, which on a busy machine is not always enough.
///
/// # Errors
/// Some page is still held after `patience`, or the kernel's.
fn seal(descriptor: &OwnedFd, patience: Duration) -> Result<(), Mismatch> {
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    let begun = Instant::now();
    loop {
        match rustix::fs::fcntl_add_seals(descriptor, seals) {
            Err(Errno::BUSY) if begun.elapsed() < patience => thread::sleep(PAUSE),
            Err(Errno::BUSY) => return Err(pages_held(patience)),
            other => return other.map_err(no_memory_file),
        }
    }
}

fn pages_held(patience: Duration) -> Mismatch {
    Mismatch::new(
        "a memory file that nobody else holds",
        format!(
            "a kernel that has not let go of its pages for {} s",
            patience.as_secs_f32()
        ),
        "start the platform again when the machine is less short of memory",
    )
}

fn no_memory_file(error: Errno) -> Mismatch {
    if error == Errno::ACCESS {
        return Mismatch::new(
            "a kernel that allows executable memory files",
            "vm.memfd_noexec = 2, which forbids them",
            "set sysctl vm.memfd_noexec to 0 or 1 for the platform's pid namespace",
        );
    }
    Mismatch::new(
        "a sealed memory file from the kernel",
        error.to_string(),
        "check the limit on open files and the free memory",
    )
}

fn out_of_memory(error: &io::Error) -> Mismatch {
    Mismatch::new(
        "room in memory for the plugin",
        error.to_string(),
        "free memory, or raise the limit",
    )
}

fn unreadable(error: &io::Error) -> Mismatch {
    Mismatch::new(
        "a file that can be read to its end",
        error.to_string(),
        "copy the file again",
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Seek as _};

    use rustix::pipe::{SpliceFlags, pipe, splice};

    use super::*;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn the_copy_is_exact_and_cannot_be_changed() {
        let (sealed, bytes, digest) = SealedFile::copy(file_of(b"abc"), "a").unwrap();
        assert_eq!(bytes, b"abc");
        assert_eq!(
            digest,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(fs::read(sealed.path()).unwrap(), b"abc");
        let mut again = File::options()
            .read(true)
            .write(true)
            .open(sealed.path())
            .unwrap();
        assert_eq!(
            again.write_all(b"x").unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(
            again.set_len(0).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
    }

    /// A memory file with a page that the given pipe holds.
    fn held() -> (OwnedFd, (OwnedFd, OwnedFd)) {
        let mut memory = File::from(create("held").unwrap());
        memory.write_all(b"held").unwrap();
        let (read, write) = pipe().unwrap();
        let spliced = splice(&memory, Some(&mut 0), &write, None, 4, SpliceFlags::empty());
        assert_eq!(spliced, Ok(4));
        (memory.into(), (read, write))
    }

    #[test]
    fn a_page_that_is_held_for_a_while_is_waited_for() {
        let (memory, pipe) = held();
        let seals = SealFlags::WRITE;
        assert_eq!(
            rustix::fs::fcntl_add_seals(&memory, seals),
            Err(Errno::BUSY),
            "the kernel alone does not wait for long enough"
        );
        let holder = thread::spawn(move || {
            thread::sleep(Duration::from_millis(400));
            drop(pipe);
        });
        seal(&memory, PATIENCE).unwrap();
        holder.join().unwrap();
        assert!(
            rustix::fs::fcntl_get_seals(&memory)
                .unwrap()
                .contains(SealFlags::WRITE)
        );
    }

    #[test]
    fn a_page_that_is_never_let_go_is_told() {
        let (memory, _pipe) = held();
        let mismatch = seal(&memory, Duration::from_millis(1)).unwrap_err();
        assert_eq!(
            mismatch.found,
            "a kernel that has not let go of its pages for 0.001 s"
        );
    }

    #[test]
    fn two_copies_have_two_paths() {
        let one = SealedFile::copy(file_of(b"1"), &"é".repeat(300)).unwrap().0;
        let two = SealedFile::copy(file_of(b"1"), "two").unwrap().0;
        assert_ne!(one.path(), two.path());
    }

    #[test]
    fn a_file_over_the_limit_is_refused_unread() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(MAX_PLUGIN_BYTES + 1).unwrap();
        let mismatch = SealedFile::copy(file, "big").unwrap_err();
        assert_eq!(mismatch.found, "268435457 bytes");
    }
}
