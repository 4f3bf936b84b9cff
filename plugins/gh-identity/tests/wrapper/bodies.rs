//! Bodies on the command line get the badge.

use crate::bench::{BADGE, attributed, in_each_shell};

#[test]
fn every_spelling_is_understood() {
    in_each_shell(|bench| {
        for (spelling, flag) in [
            (&["--body", "hi"][..], "--body"),
            (&["--body=hi"], "--body"),
            (&["-b", "hi"], "-b"),
            (&["-bhi"], "--body"),
            (&["-b=hi"], "--body"),
        ] {
            let front = ["-R", "o/r", "issue", "create", "--title", "a b"];
            let hi = attributed("hi");
            let expected = [&front[..], &[flag, &hi]].concat();
            bench.expect(&[&front[..], spelling].concat(), &expected);
        }
    });
}

#[test]
fn letters_in_front_of_the_flag_are_understood() {
    in_each_shell(|bench| {
        let hi = attributed("hi");
        bench.expect(
            &["pr", "create", "-dfb", "hi"],
            &["pr", "create", "-d", "-f", "-b", &hi],
        );
        bench.expect(
            &["pr", "review", "7", "-cbhi"],
            &["pr", "review", "7", "-c", "--body", &hi],
        );
        bench.expect(
            &["release", "create", "v1", "-dn", "hi"],
            &["release", "create", "v1", "-d", "-n", &hi],
        );
        bench.expect_untouched(&["pr", "review", "7", "-a"]);
    });
}

/// gh takes the last of several, so each must have it.
#[test]
fn each_of_several_bodies_has_the_badge() {
    in_each_shell(|bench| {
        bench.expect(
            &["issue", "create", "--body", "one", "-b", "two"],
            &[
                "issue",
                "create",
                "--body",
                &attributed("one"),
                "-b",
                &attributed("two"),
            ],
        );
    });
}

#[test]
fn a_body_stays_what_it_was_to_the_last_byte() {
    in_each_shell(|bench| {
        for text in [
            "a\n\n  b\n",
            "ends with lines\n\n\n",
            "$(touch owned) `touch owned` ${HOME} * ? ~ ! \\n \\\\ %s %d \"double\" 'single'",
            "--body",
            "--",
            "-",
            "=",
            "@me",
            " ",
            "",
            "🤖 not the badge",
        ] {
            bench.expect(
                &["issue", "comment", "7", "--body", text],
                &["issue", "comment", "7", "--body", &attributed(text)],
            );
        }
        assert!(!bench.path("owned").exists() && !std::path::Path::new("owned").exists());
    });
}

#[test]
fn a_body_that_has_the_badge_already_is_left_alone() {
    in_each_shell(|bench| {
        bench.expect_untouched(&["issue", "edit", "7", "--body", &attributed("as it was")]);
        // One that only quotes it somewhere has not.
        let quotes = format!("> {BADGE}\n\nI disagree");
        bench.expect(
            &["issue", "edit", "7", "--body", &quotes],
            &["issue", "edit", "7", "--body", &attributed(&quotes)],
        );
    });
}

#[test]
fn the_value_of_another_flag_is_no_body() {
    in_each_shell(|bench| {
        let hi = attributed("hi");
        for other in ["--body", "-b", "--", "--body=x", "-F"] {
            bench.expect(
                &["issue", "create", "--title", other, "--body", "hi"],
                &["issue", "create", "--title", other, "--body", &hi],
            );
        }
        bench.expect_untouched(&["issue", "create", "-l", "-b", "--", "--body", "hi"]);
        bench.expect_untouched(&["issue", "create", "--body"]);
        bench.expect_untouched(&["issue", "create", "-b"]);
    });
}

#[test]
fn what_publishes_nothing_is_left_alone() {
    in_each_shell(|bench| {
        for arguments in [
            &["api", "-F", "body=x", "/path"][..],
            &["issue", "list", "--body", "x"],
            &["pr", "create", "--fill"],
            &["issue", "create", "--", "--body", "x"],
            &["gist", "create", "-b", "x", "--", "--assignee", "@me"],
            &[],
        ] {
            bench.expect_untouched(arguments);
        }
    });
}

#[test]
fn a_body_that_gets_too_long_for_an_argument_becomes_a_file() {
    in_each_shell(|bench| {
        let long = "ü".repeat(65_530);
        let given = bench.given(&["pr", "comment", "7", "--body", &long]);
        let expected = format!(
            "<pr>\n<comment>\n<7>\n<--body-file>\nfile<{}>\n",
            attributed(&long)
        );
        assert!(given == expected, "{} bytes: {:.200}", given.len(), given);
    });
}

#[test]
fn without_a_badge_or_a_role_nothing_is_added() {
    in_each_shell(|bench| {
        let arguments = ["issue", "create", "--body", "hi", "--", "-x"];
        let bench = bench.with("MOLECULE_ATTRIBUTION_BADGE", "");
        bench.expect_untouched(&arguments);
        bench
            .with("MOLECULE_AGENT_ROLE", "")
            .expect_untouched(&arguments);
    });
}
