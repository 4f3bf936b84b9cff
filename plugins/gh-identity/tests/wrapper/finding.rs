//! The real gh is found, and never the wrapper itself.

use crate::bench::in_each_shell;

#[test]
fn copies_of_the_wrapper_do_not_call_each_other() {
    in_each_shell(|bench| {
        let (one, other) = (bench.copy_of_wrapper("a/gh"), bench.copy_of_wrapper("b/gh"));
        let real = bench.path("real-gh");
        std::fs::create_dir(bench.path("c")).unwrap();
        std::os::unix::fs::symlink(real, bench.path("c/gh")).unwrap();
        let place = |path: &std::path::Path| path.parent().unwrap().display().to_string();
        let path = format!(
            ":{}:{}:{}:/usr/bin:/bin",
            place(&one),
            place(&other),
            bench.path("c").display()
        );
        // A gh that is installed on this machine would be found first.
        let installed = ["/usr/bin/gh", "/opt/gh/bin/gh", "/usr/local/bin/gh.real"];
        let bench = bench
            .with("PATH", &path)
            .with("MOLECULE_GH_REAL", other.to_str().unwrap());
        let seen = bench.run_as(&one, b"", &["--version"]);
        let expected = if installed
            .iter()
            .any(|path| std::path::Path::new(path).exists())
        {
            0
        } else {
            3
        };
        assert_eq!(seen.status, expected, "{seen:?}");
    });
}

#[test]
fn without_one_it_says_where_it_looked() {
    in_each_shell(|bench| {
        let bench = bench
            .with("MOLECULE_GH_REAL", "/nonexistent/gh")
            .with("PATH", "/usr/bin:/bin");
        if std::path::Path::new("/usr/bin/gh").exists() {
            assert!(
                String::from_utf8(bench.run(b"", &["--version"]).out)
                    .unwrap()
                    .starts_with("gh version")
            );
        } else {
            let seen = bench.run(b"", &["--version"]);
            assert_eq!(seen.status, 127);
            assert!(seen.err.contains("set MOLECULE_GH_REAL"), "{seen:?}");
        }
    });
}
