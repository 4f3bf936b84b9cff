//! Which command it is, as gh understands it.

use crate::bench::{attributed, in_each_shell};

#[test]
fn flags_may_stand_in_front_of_and_between_the_words() {
    in_each_shell(|bench| {
        for front in [
            &["-R", "o/r", "issue", "create"][..],
            &["-Ro/r", "issue", "create"],
            &["--repo=o/r", "issue", "create"],
            &["issue", "-R", "o/r", "create"],
            &["issue", "--repo", "pr/list", "create"],
            &["--title", "pr list", "issue", "create"],
            &["issue", "new"],
            &["pr", "new"],
            &["release", "new", "v1"],
            &["discussion", "create"],
        ] {
            let flag = if front.contains(&"release") {
                "--notes"
            } else {
                "--body"
            };
            let hi = attributed("hi");
            let expected = [front, &[flag, &hi]].concat();
            bench.expect(&[front, &[flag, "hi"]].concat(), &expected);
        }
    });
}

#[test]
fn an_alias_is_what_it_stands_for() {
    in_each_shell(|bench| {
        let hi = attributed("hi");
        bench.expect(
            &["bug", "-b", "hi", "-a@me"],
            &["bug", "-b", &hi, "--assignee", "alice"],
        );
        bench.expect(&["revue", "-cb", "hi"], &["revue", "-c", "-b", &hi]);
        bench.expect(
            &["i", "comment", "7", "-b", "hi"],
            &["i", "comment", "7", "-b", &hi],
        );
        for other in ["shell", "*", "no-such-word", ""] {
            bench.expect_untouched(&[other, "create", "-b", "hi"]);
        }
    });
}

#[test]
fn words_behind_the_verb_are_no_verb() {
    in_each_shell(|bench| {
        bench.expect_untouched(&["issue", "view", "create", "--body", "x"]);
        bench.expect_untouched(&["search", "issues", "issue create", "-b", "x"]);
    });
}
