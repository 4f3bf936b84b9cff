//! `@me` is the human who owns the agent.

use crate::bench::in_each_shell;

#[test]
fn me_becomes_the_owner() {
    in_each_shell(|bench| {
        bench.expect(
            &["issue", "create", "-a", "@me,bob"],
            &["issue", "create", "-a", "alice,bob"],
        );
        bench.expect(
            &["issue", "create", "-a@me"],
            &["issue", "create", "--assignee", "alice"],
        );
        bench.expect(
            &["pr", "create", "-da=bob,@me"],
            &["pr", "create", "-d", "--assignee", "bob,alice"],
        );
        bench.expect(
            &["issue", "edit", "7", "--add-assignee=@me"],
            &["issue", "edit", "7", "--add-assignee", "alice"],
        );
        bench.expect(
            &["issue", "list", "-a", "@me"],
            &["issue", "list", "-a", "alice"],
        );
        bench.expect(
            &["search", "prs", "--assignee", "@me"],
            &["search", "prs", "--assignee", "alice"],
        );
        bench.expect_untouched(&["issue", "create", "--assignee", "bob,@copilot"]);
        bench.expect_untouched(&["issue", "create", "--title", "@me", "--label", "@me"]);
        bench.expect_untouched(&["pr", "review", "7", "-a"]);
        bench.expect_untouched(&["issue", "create", "--assignee"]);
    });
}

#[test]
fn me_is_dropped_if_nobody_owns_the_agent() {
    in_each_shell(|bench| {
        let bench = bench.with("MOLECULE_OWNER", "");
        bench.expect(
            &["issue", "create", "--assignee", "@me", "--title", "t"],
            &["issue", "create", "--title", "t"],
        );
        bench.expect(
            &["issue", "create", "-a", "bob,@me,eve"],
            &["issue", "create", "-a", "bob,eve"],
        );
    });
}
