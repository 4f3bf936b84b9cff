//! What every runtime of workspaces must do, as tests that are run again for each.
//!
//! A runtime has a [`Subject`], and one line that expands to a test for each case:
//!
//! ```text
//! runtime_conformance::suite!(crate::Local);
//! ```
//!
//! A runtime that cannot pause says `suite!(crate::Other, cannot pause)`. The commands of the cases need a POSIX `sh`, `env`, `cat`, `sleep` and `stat` where the workspace runs.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

pub mod end;
pub mod files;
pub mod follow;
pub mod pause;
pub mod platforms;
pub mod start;
mod world;

use std::sync::Arc;

use provisionhook_host::{container::Container, runtime::Runtime, workspace_id::WorkspaceId};

pub use self::world::World;

/// A runtime under test, with a place of its own.
pub trait Subject: Sized + Send + Sync {
    /// A runtime that has no workspaces.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// The runtime.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// What a platform has that was started again over the same place.
    fn restarted(&self) -> Arc<dyn Runtime>;

    /// What the runtime needs to be told of a container, if anything.
    fn container(&self) -> Option<Container> {
        None
    }

    /// Variables that it cannot keep out of the environment. To be said in the operator's guide.
    fn adds(&self) -> &[&str] {
        &[]
    }

    /// A workspace id that no other test uses, where places are shared.
    fn id(&self, name: &str) -> WorkspaceId {
        name.parse().unwrap()
    }
}

/// A test for each case.
#[macro_export]
macro_rules! suite {
    ($subject:ty) => {
        $crate::suite!(
            $subject:
            pause {
                a_paused_workspace_stands_still_and_then_goes_on,
                pausing_again_and_resuming_what_runs_do_nothing,
                a_stop_of_a_paused_workspace_lets_it_tidy_up,
                a_paused_workspace_that_ignores_term_is_killed,
                a_platform_that_was_restarted_finds_it_paused,
                what_does_not_run_cannot_be_paused,
                files_are_put_into_a_paused_workspace,
            }
        );
        $crate::suite!($subject: every_runtime);
    };
    ($subject:ty, cannot pause) => {
        $crate::suite!($subject: pause { a_runtime_that_cannot_pause_says_so, });
        $crate::suite!($subject: every_runtime);
    };
    ($subject:ty: every_runtime) => {
        $crate::suite!(
            $subject:
            start {
                the_environment_is_exactly_what_was_said,
                a_start_that_is_repeated_starts_nothing,
                a_command_that_is_not_there_leaves_nothing_behind,
                what_is_ours_is_listed,
                output_is_kept_in_the_order_of_writing,
                a_platform_that_was_restarted_finds_its_workspaces,
            }
            end {
                an_exit_code_is_kept,
                a_stop_asks_first,
                a_process_that_ignores_term_is_killed,
                a_workspace_starts_again_with_its_files_and_its_log,
                what_runs_is_not_removed_and_what_is_removed_is_gone,
                nobody_waits_for_what_never_was,
            }
            files {
                files_are_there_before_the_command,
                a_file_is_replaced_whole_while_the_workspace_runs,
                a_secret_file_can_be_taken_away,
            }
            follow {
                what_is_written_is_followed_to_the_end,
                what_has_ended_is_given_and_ends,
            }
        );
    };
    ($subject:ty: $($module:ident { $($case:ident,)+ })+) => {
        $($(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::$module::$case(&$crate::World::<$subject>::fresh().await).await;
            }
        )+)+
    };
}
