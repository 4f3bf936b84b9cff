//! What is to be done for one workspace, and when.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    back_off::BackOff,
    capability::Again,
    chain::Asked,
    clock::{millis, random_part},
    fault::Fault,
    registry::Plugin,
};

/// No plugin is asked sooner than this.
const FLOOR: Duration = Duration::from_secs(1);
/// By when plugins are asked for the first time, and after a restart of the platform.
const SOON: Duration = Duration::from_secs(3);
/// A plugin that asks for a longer pause is asked after this all the same.
const CEILING: Duration = Duration::from_secs(24 * 60 * 60);

/// Which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tend,
    Contribute,
}

/// One plugin that is to be called again and again.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) plugin: String,
    pub(super) kind: Kind,
    due: Instant,
    back_off: BackOff,
}

/// The jobs of one workspace.
#[derive(Debug, Default)]
pub(super) struct Jobs(Vec<Job>);

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tend => "tend",
            Self::Contribute => "contribute",
        }
    }

    pub(super) const fn suits(self, plugin: &Plugin) -> bool {
        match self {
            Self::Tend => plugin.lifecycle.is_some(),
            Self::Contribute => plugin.files.is_some(),
        }
    }
}

impl Jobs {
    /// The jobs of these plugins, of which those that were `asked` for files have said when to ask again.
    pub(super) fn new<'a>(
        plugins: impl Iterator<Item = &'a Arc<Plugin>>,
        asked: Option<Vec<Asked>>,
    ) -> Self {
        let mut jobs = Self::default();
        let everything = asked.is_none();
        for plugin in plugins {
            if everything && Kind::Contribute.suits(plugin) {
                jobs.add_soon(&plugin.name, Kind::Contribute);
            }
            if Kind::Tend.suits(plugin) {
                jobs.add_soon(&plugin.name, Kind::Tend);
            }
        }
        for Asked { plugin, answer } in asked.unwrap_or_default() {
            jobs.put_back(Job::new(plugin, Kind::Contribute), answer);
        }
        jobs
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.iter().map(|job| job.due).min()
    }

    /// Takes out the job that is due first, if it is due.
    pub(super) fn take_due(&mut self) -> Option<Job> {
        let due = self.next_due().filter(|due| *due <= Instant::now())?;
        let at = self.0.iter().position(|job| job.due == due)?;
        Some(self.0.swap_remove(at))
    }

    /// Puts a job back for when its plugin is to be called again, if ever.
    pub(super) fn put_back(&mut self, mut job: Job, result: Result<Again, Fault>) {
        let pause = match result {
            Ok(Again(None)) => return,
            Ok(Again(Some(pause))) => {
                job.back_off.reset();
                // A little earlier, so that what runs out is renewed in time, and not all at once.
                part(pause.min(CEILING), 90..=100).max(FLOOR)
            }
            Err(fault) => job.back_off.after(&fault),
        };
        job.due = Instant::now() + pause;
        self.0.push(job);
    }

    fn add_soon(&mut self, plugin: &str, kind: Kind) {
        let mut job = Job::new(plugin.to_owned(), kind);
        job.due += part(SOON, 34..=100);
        self.0.push(job);
    }
}

impl Job {
    fn new(plugin: String, kind: Kind) -> Self {
        Self {
            plugin,
            kind,
            due: Instant::now(),
            back_off: BackOff::default(),
        }
    }
}

fn part(whole: Duration, hundredths: std::ops::RangeInclusive<u64>) -> Duration {
    Duration::from_millis(random_part(millis(whole), hundredths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    fn asked(answer: Result<Again, Fault>) -> Jobs {
        let plugin = "p".to_owned();
        Jobs::new([].into_iter(), Some(vec![Asked { plugin, answer }]))
    }

    fn wait(jobs: &Jobs) -> Duration {
        jobs.next_due().unwrap() - Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_nothing_is_no_job() {
        assert!(asked(Ok(Again(None))).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_shortened_a_little_and_have_a_floor_and_a_ceiling() {
        for (pause, least, most) in [
            (0, 1, 1),
            (100, 90, 100),
            (u64::MAX, 24 * 60 * 60 * 9 / 10, 24 * 60 * 60),
        ] {
            let wait = wait(&asked(Ok(Again(Some(Duration::from_secs(pause))))));
            let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
            assert!((least..=most).contains(&wait), "{pause}: {wait:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn faults_back_off_until_one_call_succeeds() {
        let fault = Fault::new(FaultKind::Transient, "down");
        let mut jobs = asked(Err(fault.clone()));
        for _ in 0..5 {
            assert!(jobs.take_due().is_none(), "it is not due yet");
            tokio::time::advance(wait(&jobs)).await;
            let job = jobs.take_due().unwrap();
            jobs.put_back(job, Err(fault.clone()));
        }
        assert!(wait(&jobs) >= Duration::from_secs(16));
        tokio::time::advance(wait(&jobs)).await;
        let job = jobs.take_due().unwrap();
        jobs.put_back(job, Ok(Again(Some(Duration::from_secs(10)))));
        tokio::time::advance(wait(&jobs)).await;
        let job = jobs.take_due().unwrap();
        jobs.put_back(job, Err(fault));
        assert_eq!(wait(&jobs), Duration::from_secs(1));
    }
}
