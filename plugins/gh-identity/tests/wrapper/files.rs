//! Bodies in files and on standard input get the badge.

use std::fs;

use crate::bench::{BADGE, Bench, in_each_shell};

fn file(content: &[u8]) -> Vec<u8> {
    [b"file<", BADGE.as_bytes(), b"\n\n", content, b">\n"].concat()
}

/// The wrapper leaves no file behind.
fn assert_clean(bench: &Bench) {
    let entries = fs::read_dir(bench.directory.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.starts_with("gh-body")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_file_is_published_to_its_last_byte() {
    in_each_shell(|bench| {
        let path = bench.path("-body.md");
        for content in [
            &b"from a file"[..],
            b"a line\n",
            b"\n\n\n",
            b"",
            b"\xff\xfe no text \x1b[0m",
        ] {
            fs::write(&path, content).unwrap();
            let path = path.to_str().unwrap();
            for spelling in [
                &["--body-file", path][..],
                &[&format!("--body-file={path}")],
                &["-F", path],
                &[&format!("-F{path}")],
            ] {
                let seen = bench.run(b"", &[&["pr", "create"], spelling].concat());
                assert!(seen.out.ends_with(&file(content)), "{spelling:?}: {seen:?}");
                assert_eq!(seen.err.lines().count(), 1, "{seen:?}");
            }
            assert_eq!(
                fs::read(path).unwrap(),
                content,
                "the user's file stays as it is"
            );
        }
        assert_clean(&bench);
    });
}

#[test]
fn standard_input_is_published_to_its_last_byte() {
    in_each_shell(|bench| {
        for content in [&b"no line's end"[..], b"lines\n\n", b""] {
            for spelling in [
                &["-F", "-"][..],
                &["-F-"],
                &["--body-file=-"],
                &["-ewF", "-"],
            ] {
                let seen = bench.run(content, &[&["issue", "create"], spelling].concat());
                assert!(seen.out.ends_with(&file(content)), "{spelling:?}: {seen:?}");
            }
        }
        let seen = bench.run(b"notes", &["release", "create", "v1", "--notes-file", "-"]);
        assert!(seen.out.ends_with(&file(b"notes")), "{seen:?}");
        assert_clean(&bench);
    });
}

#[test]
fn a_file_that_has_the_badge_is_not_given_another() {
    in_each_shell(|bench| {
        let content = format!("{BADGE}\n\nas it was\n");
        let seen = bench.run(content.as_bytes(), &["issue", "edit", "7", "-F", "-"]);
        assert!(
            seen.out.ends_with(format!("file<{content}>\n").as_bytes()),
            "{seen:?}"
        );
    });
}

#[test]
fn a_file_that_is_not_there_ends_the_call() {
    in_each_shell(|bench| {
        let seen = bench.run(b"", &["issue", "create", "-F", "none.md"]);
        assert_eq!((seen.status, seen.out.len()), (1, 0), "{seen:?}");
        assert!(seen.err.contains("none.md"), "{seen:?}");
        assert_clean(&bench);
    });
}
