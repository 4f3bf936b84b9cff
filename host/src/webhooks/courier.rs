//! What one webhook does all day.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{Hook, counts::Outcome, post::Answer};
use crate::{
    back_off::BackOff,
    clock::millis,
    events::{EventLog, FollowError, Follower},
    fault::Fault,
    store::{Event, StoreError},
    unix_ms,
};

/// How often it is recorded how far a webhook is for which nothing happens.
const IDLE: Duration = Duration::from_secs(60);
/// Before the store is asked again that could not answer.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// Takes events to one receiver.
pub(super) struct Courier {
    hook: Arc<Hook>,
    log: EventLog,
    back_off: BackOff,
    /// Whether the last attempt failed.
    failing: bool,
}

/// There is nobody to deliver to.
struct Gone;

impl Courier {
    pub(super) fn new(hook: Arc<Hook>, log: EventLog) -> Self {
        Self {
            hook,
            log,
            back_off: BackOff::default(),
            failing: false,
        }
    }

    /// Delivers what follows this event, until the receiver wants no more.
    pub(super) async fn run(mut self, passed: i64) {
        let mut follower = self.log.follow(self.hook.filter.clone(), passed);
        let mut saved = passed;
        loop {
            let passed = match timeout(IDLE, follower.next()).await {
                Ok(Ok(event)) => match self.deliver(&event).await {
                    Ok(()) => event.seq,
                    Err(Gone) => return,
                },
                Ok(Err(error)) => {
                    let from = self.mend(&follower, error).await;
                    follower = self.log.follow(self.hook.filter.clone(), from);
                    from
                }
                Err(_) => follower.position(),
            };
            if passed != saved {
                saved = passed;
                self.save(passed).await;
            }
        }
    }

    /// From where to go on after an error.
    async fn mend(&self, follower: &Follower, error: FollowError) -> i64 {
        let webhook = &*self.hook.name;
        match error {
            FollowError::Lost { after, kept } => {
                let from = (kept.first - 1).max(after).min(kept.last);
                let events = u64::try_from(from.saturating_sub(after)).unwrap_or_default();
                tracing::error!(
                    webhook,
                    events,
                    "the receiver of a webhook was away for longer than events are kept: it never hears of those among them that it wanted"
                );
                self.hook.counts.add(webhook, Outcome::lost, events);
                from
            }
            FollowError::Store(error) => {
                tracing::error!(webhook, %error, "the events for a webhook cannot be read; they are read again");
                sleep(PAUSE).await;
                follower.position()
            }
        }
    }

    /// Tries until the event is taken, or has been tried for long enough.
    ///
    /// # Errors
    /// When the receiver wants no more.
    async fn deliver(&mut self, event: &Event) -> Result<(), Gone> {
        let hook = Arc::clone(&self.hook);
        // Numbers, strings and a JSON value always make JSON.
        let body = serde_json::to_vec(event).unwrap_or_default();
        hook.lag.begin(event.at);
        loop {
            let keys = hook.keys.load_full();
            match hook.post.send(event, &body, &keys).await {
                Answer::Taken => break self.taken(),
                Answer::Gone => {
                    tracing::error!(
                        webhook = hook.name,
                        "the receiver of a webhook answers 410: nothing more is sent to it before the platform is restarted; remove it from the configuration"
                    );
                    hook.lag.disable();
                    return Err(Gone);
                }
                Answer::NotTaken(fault) => {
                    let too_old = self.not_taken(event, &fault);
                    sleep(self.back_off.after(&fault)).await;
                    if too_old {
                        break;
                    }
                }
            }
        }
        hook.lag.end();
        Ok(())
    }

    fn taken(&mut self) {
        let webhook = &*self.hook.name;
        if self.failing {
            tracing::info!(webhook, "the receiver of a webhook takes events again");
        }
        self.failing = false;
        self.back_off.reset();
        self.hook.counts.add(webhook, Outcome::delivered, 1);
    }

    /// Counts and logs a failure, and says whether the event is given up.
    fn not_taken(&mut self, event: &Event, fault: &Fault) -> bool {
        let (webhook, seq) = (&*self.hook.name, event.seq);
        self.failing = true;
        self.hook.counts.add(webhook, Outcome::failed, 1);
        let age = unix_ms::now().saturating_sub(event.at);
        let give_up = millis(self.hook.give_up_after);
        let too_old = u64::try_from(age).is_ok_and(|age| age >= give_up);
        if too_old {
            tracing::error!(webhook, seq, cause = %fault, "gave up telling the receiver of a webhook of an event: it was tried for `give_up_after`");
            self.hook.counts.add(webhook, Outcome::given_up, 1);
        } else {
            tracing::warn!(webhook, seq, cause = %fault, "the receiver of a webhook did not take an event; it is sent again");
        }
        too_old
    }

    async fn save(&self, seq: i64) {
        let saved: Result<(), StoreError> = self.log.webhook_passed(&self.hook.name, seq).await;
        if let Err(error) = saved {
            tracing::warn!(webhook = self.hook.name, %error, "how far a webhook has come was not recorded: after a restart it repeats itself");
        }
    }
}
