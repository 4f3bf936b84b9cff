//! Secrets, several at once where AWS allows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    outside::Outside,
    values::{Kept, Problems},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    api::Api,
    reference::{Reference, Version},
    refusal::Refusal,
};

/// AWS takes no more in one request.
const BATCH: usize = 20;
/// More pages than secrets in a batch are no pages.
const MOST_PAGES: usize = BATCH;

/// The secrets of one region.
#[derive(Debug)]
pub struct Secrets<O> {
    api: Api<O>,
    region: String,
    /// AWS does not let these credentials ask in batches.
    singly: AtomicBool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a> {
    secret_id_list: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    secret_values: Vec<Entry>,
    #[serde(default)]
    errors: Vec<Missing>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Single<'a> {
    secret_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_stage: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "ARN", default)]
    arn: String,
    #[serde(default)]
    name: String,
    secret_string: Option<Zeroizing<String>>,
    secret_binary: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Missing {
    #[serde(default)]
    secret_id: String,
    #[serde(default)]
    error_code: String,
    message: Option<String>,
}

/// What became of each secret.
type Outcomes = BTreeMap<Reference, Result<Kept, Fault>>;

impl<O: Outside> Secrets<O> {
    /// Asks nobody yet.
    pub fn new(api: Api<O>, region: &str) -> Self {
        Self {
            api,
            region: region.to_owned(),
            singly: AtomicBool::new(false),
        }
    }

    /// How AWS is asked.
    pub fn api(&self) -> &Api<O> {
        &self.api
    }

    /// All of them.
    ///
    /// # Errors
    /// Some are not to be had: one fault tells of all of these.
    pub async fn fetch(
        &self,
        wanted: &BTreeSet<Reference>,
    ) -> Result<BTreeMap<Reference, Kept>, Fault> {
        let mut outcomes = Outcomes::new();
        let current: Vec<&Reference> = wanted
            .iter()
            .filter(|reference| reference.version == Version::Current)
            .collect();
        if current.len() > 1 {
            for batch in current.chunks(BATCH) {
                if self.singly.load(Ordering::Relaxed) {
                    break;
                }
                self.batch(batch, &mut outcomes).await?;
            }
        }
        for reference in wanted {
            if !outcomes.contains_key(reference) {
                let outcome = self.single(reference).await?;
                outcomes.insert(reference.clone(), outcome);
            }
        }
        let (mut found, mut problems) = (BTreeMap::new(), Problems::default());
        for (reference, outcome) in outcomes {
            match outcome {
                Ok(kept) => drop(found.insert(reference, kept)),
                Err(fault) => problems.add(reference, fault),
            }
        }
        problems.none(wanted.len())?;
        Ok(found)
    }

    /// The current versions of at most [`BATCH`] secrets. Those that AWS says nothing of are left out.
    ///
    /// # Errors
    /// No answer.
    async fn batch(&self, references: &[&Reference], outcomes: &mut Outcomes) -> Result<(), Fault> {
        let ids: Vec<&str> = references
            .iter()
            .map(|reference| reference.id.as_str())
            .collect();
        let mut next_token = None;
        for _ in 0..MOST_PAGES {
            let question = Batch {
                secret_id_list: &ids,
                next_token,
            };
            let page: Page = match self.api.call("BatchGetSecretValue", &question).await? {
                Ok(page) => page,
                Err(refusal) if refusal.is_of_batches() => {
                    self.singly.store(true, Ordering::Relaxed);
                    tracing::warn!(
                        "AWS refuses batches of secrets ({}){}; asking for each secret by itself. Let a policy of the identity allow \
                         secretsmanager:BatchGetSecretValue on \"*\" to save requests",
                        refusal.code,
                        refusal.quote()
                    );
                    return Ok(());
                }
                Err(refusal) => return Err(refusal.of_secret(&self.region)),
            };
            next_token = page.next_token.clone();
            self.sort(page, references, outcomes);
            if next_token.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn sort(&self, page: Page, references: &[&Reference], outcomes: &mut Outcomes) {
        for entry in page.secret_values {
            let kept = entry.kept();
            for reference in references
                .iter()
                .filter(|reference| reference.is(&entry.name, &entry.arn))
            {
                outcomes.insert((*reference).clone(), kept.clone());
            }
        }
        for missing in page.errors {
            let fault = Refusal::new(&missing.error_code, missing.message).of_secret(&self.region);
            for reference in references
                .iter()
                .filter(|reference| reference.is(&missing.secret_id, &missing.secret_id))
            {
                outcomes.insert((*reference).clone(), Err(fault.clone()));
            }
        }
    }

    /// # Errors
    /// No answer.
    async fn single(&self, reference: &Reference) -> Result<Result<Kept, Fault>, Fault> {
        let (version_stage, version_id) = match &reference.version {
            Version::Current => (None, None),
            Version::Stage(stage) => (Some(stage.as_str()), None),
            Version::Id(id) => (None, Some(id.as_str())),
        };
        let question = Single {
            secret_id: &reference.id,
            version_stage,
            version_id,
        };
        let answer = self.api.call::<Entry>("GetSecretValue", &question).await?;
        Ok(answer
            .map_err(|refusal| refusal.of_secret(&self.region))
            .and_then(|entry| entry.kept()))
    }
}

impl Entry {
    /// # Errors
    /// Neither text nor bytes.
    fn kept(&self) -> Result<Kept, Fault> {
        match (&self.secret_string, &self.secret_binary) {
            (Some(text), _) => Ok(Kept::Text(text.clone())),
            (None, Some(base64)) => STANDARD
                .decode(base64.as_bytes())
                .map(|bytes| Kept::Bytes(Zeroizing::new(bytes)))
                .map_err(|_| Fault::transient("expected base64 in SecretBinary, found something else; it will be asked for again")),
            (None, None) => Err(Fault::config("it has no value; put one there (aws secretsmanager put-secret-value)")),
        }
    }
}
