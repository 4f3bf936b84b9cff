//! Programs among the files are found by their name, in front of others of that name.

use super::Contributed;
use crate::{
    chain::ChainOutcome,
    env::{BaseOrigin, EnvValue, Provenance, Source},
    files::ContributedFile,
    secret::Secret,
};

/// Where programs are, beneath the home.
const PROGRAMS: &str = ".local/bin";
const PATH: &str = "PATH";
/// What is searched in a workspace that was given no `PATH`.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

impl ChainOutcome {
    /// Puts the directory of the contributed programs in front of `PATH`, if there are such.
    pub fn search_programs_first(&mut self, contributed: &Contributed, home: &str) {
        let program =
            |file: &ContributedFile| file.path.is_beneath(PROGRAMS) && file.mode & 0o111 != 0;
        if !contributed.files.iter().any(|set| program(&set.file)) {
            return;
        }
        let at = self.env.binary_search_by(|(key, _)| key.as_str().cmp(PATH));
        let before = at.map_or(USUAL, |at| self.env[at].1.value.expose());
        let value = EnvValue {
            value: Secret::new(format!("{home}/{PROGRAMS}:{before}")),
            secret: at.is_ok_and(|at| self.env[at].1.secret),
        };
        match at {
            Ok(at) => self.env[at].1 = value,
            Err(at) => self.env.insert(at, (PATH.to_owned(), value)),
        }
        self.set_by_platform();
    }

    fn set_by_platform(&mut self) {
        let platform = Source::Base(BaseOrigin::Platform);
        let at = self
            .provenance
            .binary_search_by(|provenance| provenance.key.as_str().cmp(PATH));
        match at {
            Ok(at) => {
                let provenance = &mut self.provenance[at];
                let before = std::mem::replace(&mut provenance.set_by, platform.clone());
                if before != platform {
                    provenance.overrode.push(before);
                }
                provenance.removed = false;
            }
            Err(at) => self.provenance.insert(
                at,
                Provenance {
                    key: PATH.to_owned(),
                    set_by: platform,
                    overrode: Vec::new(),
                    secret: false,
                    removed: false,
                },
            ),
        }
    }
}
