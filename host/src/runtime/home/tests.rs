//! Links in a home, as whoever reads through them finds them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::*;

#[test]
fn a_link_that_leads_there_already_stays_and_no_reader_misses_one_that_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::new("links".parse().unwrap(), root.path(), &[]);
    let path = FilePath::parse("a/key").unwrap();
    let at = root.path().join("a/key");
    let inode = || fs::symlink_metadata(&at).unwrap().ino();
    home.link(&path, "/secrets/one").unwrap();
    let first = inode();
    home.link(&path, "/secrets/one").unwrap();
    assert_eq!(inode(), first);

    // As a platform that was killed leaves it.
    symlink("half", root.path().join("a").join(UNFINISHED)).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !over.load(SeqCst) {
                fs::read_link(&at)?;
            }
            io::Result::Ok(())
        });
        for target in ["/secrets/two", "/secrets/one"].repeat(2000) {
            home.link(&path, target).unwrap();
            assert_eq!(fs::read_link(&at).unwrap(), Path::new(target));
        }
        over.store(true, SeqCst);
        reader.join().unwrap().unwrap();
    });
    assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
}

#[test]
fn what_is_no_link_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::new("links".parse().unwrap(), root.path(), &[]);
    let path = FilePath::parse("key").unwrap();
    fs::write(root.path().join("key"), "the workspace's own").unwrap();
    let refused = [home.link(&path, "/secrets/one"), home.unlink(&path)];
    for error in refused.map(Result::unwrap_err) {
        assert_eq!(error.kind(), RuntimeErrorKind::Obstructed, "{error}");
    }
    let kept = fs::read(root.path().join("key")).unwrap();
    assert_eq!(kept, b"the workspace's own");
}
