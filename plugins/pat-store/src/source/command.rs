//! Tools that are run: `pass`, `gopass`, 1Password's `op`, Bitwarden's `bws`.
//!
//! A tool gets no shell, nothing of the platform's environment, and no standard input. What it writes to its standard error is looked at
//! for what is known to be there, and never repeated.

mod run;
mod tool;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;
use zeroize::Zeroizing;

use self::{
    run::{Environment, Ran, Trouble},
    tool::Meaning,
};
use super::connect::reference::Reference;
use crate::{
    config::{self, Kind},
    document::{Document, Lack},
};

/// For all that is run for one answer.
const USUAL_TIMEOUT: Duration = Duration::from_secs(8);

/// What is left of the caller's time for all else.
const RESERVE: Duration = Duration::from_millis(200);

pub(crate) struct Command {
    kind: Kind,
    program: PathBuf,
    environment: Environment,
    timeout: Duration,
    project_id: Option<String>,
}

/// One secret as `bws secret list` prints it.
#[derive(Deserialize)]
struct Listed {
    id: String,
    key: String,
    value: Zeroizing<String>,
}

impl Command {
    pub(super) fn new(config: config::Command, names: &[String]) -> Result<Self, Fault> {
        let kind = config.kind;
        for name in names {
            check_name(kind, name)?;
        }
        if config.project_id.is_some() && kind != Kind::Bws {
            return Err(Fault::config(
                "/command/project_id: expected it for the kind bws alone, found another kind; leave it out",
            ));
        }
        let wanted = config
            .program
            .unwrap_or_else(|| PathBuf::from(kind.program()));
        let program = run::find(&wanted).ok_or_else(|| {
            Fault::config(format!(
                "/command/program: expected the program {}, found nothing to run there or in {}; install it, or give its path",
                wanted.display(),
                run::PATH
            ))
        })?;
        Ok(Self {
            kind,
            program,
            environment: Environment(config.env),
            timeout: config
                .timeout_ms
                .map_or(USUAL_TIMEOUT, Duration::from_millis),
            project_id: config.project_id,
        })
    }

    pub(super) fn name(&self) -> String {
        self.program.display().to_string()
    }

    /// Blocks.
    pub(super) fn fetch(&self, names: &[String], limit: Duration) -> Result<Document, Fault> {
        let limit = self.timeout.min(limit.saturating_sub(RESERVE));
        let deadline = Instant::now() + limit;
        match self.kind {
            Kind::Bws => self.listed(names, deadline),
            Kind::Pass | Kind::Gopass | Kind::Op => self.one_by_one(names, deadline),
        }
    }

    fn one_by_one(&self, names: &[String], deadline: Instant) -> Result<Document, Fault> {
        let mut document = Document::default();
        for name in names {
            let ran = self.run(&self.kind.show(name), deadline)?;
            if ran.is_success {
                document.add(name, self.kind.secret(&ran.stdout).ok_or_else(unusable));
                continue;
            }
            match self.kind.meaning(&ran.stderr) {
                Meaning::NotFound => document.add(name, Err(Lack::NotFound)),
                meaning @ (Meaning::Credentials(_) | Meaning::Upstream(_) | Meaning::Unknown) => {
                    return Err(self.fault(&meaning, &ran));
                }
            }
        }
        Ok(document)
    }

    /// All that the access token may see, in one run; secrets are named by key or by id.
    fn listed(&self, names: &[String], deadline: Instant) -> Result<Document, Fault> {
        let ran = self.run(&tool::list(self.project_id.as_deref()), deadline)?;
        if !ran.is_success {
            return Err(self.fault(&self.kind.meaning(&ran.stderr), &ran));
        }
        let listed: Vec<Listed> = serde_json::from_slice(&ran.stdout).map_err(|error| {
            Fault::transient(format!(
                "expected the JSON of `bws secret list` from {}, found something else at line {} column {}; run it by hand to see why",
                self.name(),
                error.line(),
                error.column()
            ))
        })?;
        let mut by_name: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
        for secret in &listed {
            by_name.entry(&secret.key).or_default().push(secret);
            by_name.entry(&secret.id).or_default().push(secret);
        }
        let mut document = Document::default();
        for name in names {
            let found = match by_name.get(name.as_str()).map_or(&[][..], Vec::as_slice) {
                [one] => Ok(one.value.clone()),
                [] => Err(Lack::NotFound),
                more => Err(Lack::Unusable(format!(
                    "expected one secret of that key, found {}; use its id, or set `project_id`",
                    more.len()
                ))),
            };
            document.add(name, found);
        }
        Ok(document)
    }

    fn run(&self, arguments: &[&str], deadline: Instant) -> Result<Ran, Fault> {
        let ran = run::run(&self.program, arguments, &self.environment, deadline);
        ran.map_err(|trouble| {
            let program = self.name();
            match trouble {
                Trouble::Start(error) => Fault::config(format!(
                    "expected to run {program}, found that it cannot be started: {error}; check the program and its rights"
                )),
                Trouble::TimedOut => Fault::transient(format!(
                    "expected {program} to end in time, found it still running, and stopped it with all that it started; does it wait for a \
                     passphrase or for the network? Run it by hand, or raise `timeout_ms`"
                )),
                Trouble::TooLong => Fault::config(format!(
                    "expected a secret from {program}, found more than {} bytes; is it the right one?",
                    run::MOST_BYTES
                )),
                Trouble::Lost(error) => Fault::internal(format!("lost sight of {program}: {error}")),
            }
        })
    }

    fn fault(&self, meaning: &Meaning, ran: &Ran) -> Fault {
        let (program, status) = (self.name(), &ran.status);
        let by_hand = "run it by hand, as the platform's user and with the same variables, to see what it says";
        match meaning {
            Meaning::Credentials(what) => {
                Fault::config(format!("{program} does not work ({status}): {what}"))
            }
            Meaning::Upstream(what) => Fault::transient(format!(
                "{program} does not work ({status}): {what}; it will be run again"
            )),
            Meaning::NotFound | Meaning::Unknown if self.kind.is_local() => Fault::config(format!(
                "expected {program} to succeed, found {status}; {by_hand}"
            )),
            Meaning::NotFound | Meaning::Unknown => Fault::transient(format!(
                "expected {program} to succeed, found {status}; it will be run again. If it stays so, {by_hand}"
            )),
        }
    }
}

fn unusable() -> Lack {
    Lack::Unusable(
        "expected one line of UTF-8, found something else; look at the secret".to_owned(),
    )
}

/// A name becomes an argument: it must not be taken for an option.
fn check_name(kind: Kind, name: &str) -> Result<(), Fault> {
    if kind == Kind::Op {
        return Reference::parse(name).map(drop).map_err(Fault::config);
    }
    if name.starts_with('-') || name.contains(['\0', '\n']) {
        return Err(Fault::config(format!(
            "expected names of secrets that are no options, found {name:?}; rename the secret"
        )));
    }
    Ok(())
}
