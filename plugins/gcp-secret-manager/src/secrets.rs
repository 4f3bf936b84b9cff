//! Secrets: payloads with their checksums, several at the same time.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    outside::Outside,
    together::together,
    values::{Kept, Problems},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    api::Api,
    reference::{LATEST, Reference},
    refusal::Refusal,
};

/// So many secrets are asked for at the same time.
const AT_ONCE: usize = 8;

/// All secrets that one identity may access.
#[derive(Debug)]
pub struct Secrets<O> {
    api: Api<O>,
    latest_enabled: bool,
}

#[derive(Deserialize)]
struct Accessed {
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    /// Left out for an empty one.
    #[serde(default)]
    data: Zeroizing<String>,
    data_crc32c: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    name: String,
}

impl<O: Outside> Secrets<O> {
    /// Asks nobody yet.
    pub fn new(api: Api<O>, latest_enabled: bool) -> Self {
        Self {
            api,
            latest_enabled,
        }
    }

    /// How Google is asked.
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
        let (mut found, mut problems) = (BTreeMap::new(), Problems::default());
        let wanted: Vec<&Reference> = wanted.iter().collect();
        for some in wanted.chunks(AT_ONCE) {
            let outcomes = together(some.iter().map(|reference| self.one(reference))).await;
            for (reference, outcome) in some.iter().zip(outcomes) {
                match outcome? {
                    Ok(kept) => drop(found.insert((*reference).clone(), kept)),
                    Err(fault) => problems.add(reference, fault),
                }
            }
        }
        problems.none(wanted.len())?;
        Ok(found)
    }

    /// # Errors
    /// No answer; the inner error is about this secret.
    async fn one(&self, reference: &Reference) -> Result<Result<Kept, Fault>, Fault> {
        match self.access(reference).await? {
            Err(refusal)
                if refusal.is_of_state() && self.latest_enabled && reference.version == LATEST =>
            {
                self.newest_enabled(reference).await
            }
            outcome => self.checked(reference, outcome).await,
        }
    }

    /// Google's `latest` is the newest version, even one that is disabled.
    ///
    /// # Errors
    /// No answer; the inner error is about this secret.
    async fn newest_enabled(&self, reference: &Reference) -> Result<Result<Kept, Fault>, Fault> {
        let path = format!(
            "{}/versions?filter=state:ENABLED&pageSize=1",
            reference.parent()
        );
        let listed: Listed = match self.api.get(reference, &path).await? {
            Ok(listed) => listed,
            Err(refusal) => return Ok(Err(self.fault(reference, &refusal))),
        };
        let number = listed
            .versions
            .first()
            .and_then(|version| version.name.rsplit('/').next());
        let Some(number) = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            return Ok(Err(Fault::config(
                "it has no enabled version; enable one, or add one",
            )));
        };
        let newest = Reference {
            version: number.to_owned(),
            ..reference.clone()
        };
        let outcome = self.access(&newest).await?;
        self.checked(&newest, outcome).await
    }

    /// The payload, if it arrived as it was sent; else one more try.
    ///
    /// # Errors
    /// No answer; the inner error is about this secret.
    async fn checked(
        &self,
        reference: &Reference,
        outcome: Result<Payload, Refusal>,
    ) -> Result<Result<Kept, Fault>, Fault> {
        let first = match outcome {
            Ok(payload) => payload.kept(),
            Err(refusal) => return Ok(Err(self.fault(reference, &refusal))),
        };
        if first.is_ok() {
            return Ok(first);
        }
        tracing::warn!(secret = %reference, "a payload arrived damaged; asking for it once more");
        let second = self.access(reference).await?;
        Ok(second
            .map_err(|refusal| self.fault(reference, &refusal))
            .and_then(|payload| payload.kept()))
    }

    /// # Errors
    /// No answer; the inner error is Google's refusal.
    async fn access(&self, reference: &Reference) -> Result<Result<Payload, Refusal>, Fault> {
        let answer = self
            .api
            .get::<Accessed>(reference, &format!("{reference}:access"))
            .await?;
        Ok(answer.map(|accessed| accessed.payload))
    }

    fn fault(&self, reference: &Reference, refusal: &Refusal) -> Fault {
        refusal.of_secret(&self.api.service(reference), reference.location.is_some())
    }
}

impl Payload {
    /// # Errors
    /// It is damaged.
    fn kept(&self) -> Result<Kept, Fault> {
        let damaged = |what: &str| {
            Fault::transient(format!(
                "expected a payload, found {what}, twice; it will be asked for again"
            ))
        };
        let bytes = STANDARD
            .decode(self.data.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| damaged("one that is no base64"))?;
        if self
            .data_crc32c
            .as_deref()
            .is_some_and(|told| told != crc32c::crc32c(&bytes).to_string())
        {
            return Err(damaged("one that does not fit its checksum"));
        }
        Ok(Kept::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// # Errors
    /// As `Payload::kept`.
    fn kept(json: &str) -> Result<Kept, Fault> {
        serde_json::from_str::<Payload>(json).unwrap().kept()
    }

    #[test]
    fn a_payload_must_fit_its_checksum() {
        let text = Kept::Text("123456789".to_owned().into());
        assert_eq!(
            kept(r#"{"data":"MTIzNDU2Nzg5","dataCrc32c":"3808858755"}"#),
            Ok(text.clone())
        );
        assert_eq!(kept(r#"{"data":"MTIzNDU2Nzg5"}"#), Ok(text));
        assert_eq!(kept("{}"), Ok(Kept::Text(String::new().into())));
        assert_eq!(
            kept(r#"{"data":"//4="}"#),
            Ok(Kept::Bytes(vec![0xff, 0xfe].into()))
        );
        for damaged in [
            r#"{"data":"MTIzNDU2Nzg4","dataCrc32c":"3808858755"}"#,
            r#"{"data":"%","dataCrc32c":"1"}"#,
        ] {
            assert!(kept(damaged).is_err(), "{damaged}");
        }
    }
}
