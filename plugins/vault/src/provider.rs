//! What the plugin does for the host: variables of a starting workspace, tokens of a running one, and the life in between.

use std::collections::BTreeMap;

use jiff::Timestamp;
use provisionhook_plugin_abi::{
    sdk::{Again, Fault},
    wire::FaultKind,
};
use provisionhook_provider_kit::{
    memory::World,
    together::together,
    values::{Kept, Pick, Problems, Take, Variables, Wanted, take_all},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    client::Ask,
    config::{Engine, Reference, Served, Settings},
    leases::{Purpose, Records},
    path::Attributes,
    vault::Vault,
};

/// What a dry run shows for what would be made.
const NOT_MADE: &str = "not made in a dry run";

/// All of it. Its methods may be called from any thread, at the same time.
pub struct Provider<W> {
    wanted: Vec<Wanted<Reference>>,
    served: Vec<Served>,
    vault: Vault<W>,
    records: Records,
}

/// A workspace that starts.
pub struct Start<'a, A> {
    /// Its id.
    pub id: &'a str,
    /// What it says of itself.
    pub attributes: &'a A,
    /// Nothing may be made that somebody has to clean up.
    pub dry_run: bool,
}

/// What a workspace asks a token for.
#[derive(Default)]
pub struct TokenWish<'a> {
    /// The host; empty for the first entry.
    pub audience: &'a str,
    /// The repositories.
    pub repositories: Vec<&'a str>,
    /// The permissions.
    pub permissions: Vec<(&'a str, &'a str)>,
}

/// A token.
pub struct Issued {
    /// The token.
    pub value: Zeroizing<String>,
    /// Until when it works, if Vault says so.
    pub ends_at: Option<Timestamp>,
    /// The user name that goes with it.
    pub username: Option<String>,
}

impl<W: World> Provider<W> {
    /// What `settings` describe. Asks nobody.
    pub fn new(settings: Settings, world: W) -> Self {
        Self {
            vault: Vault::new(&settings, world),
            wanted: settings.wanted,
            served: settings.served,
            records: Records::default(),
        }
    }

    /// The world that it was given.
    pub fn world(&self) -> &W {
        &self.vault.client.world
    }

    /// Logs in, or finds that an earlier login still works. For the start of the platform.
    ///
    /// # Errors
    /// Vault does not accept the credentials, or does not answer.
    pub async fn check(&self) -> Result<(), Fault> {
        let Vault {
            client, sessions, ..
        } = &self.vault;
        sessions.check(client).await?;
        // Nobody may come back for it, as when plugins are only listed.
        sessions.end_unkept(client).await;
        Ok(())
    }

    /// The variables of a workspace that starts.
    ///
    /// # Errors
    /// All that is missing or refused, told at once.
    pub async fn variables<A: Attributes + Sync>(
        &self,
        start: &Start<'_, A>,
    ) -> Result<Variables, Fault> {
        if self.wanted.is_empty() {
            return Ok(Variables::new());
        }
        // What is wrong with the login is wrong with every secret, and told once. While Vault is down, what is remembered may do.
        if let Err(fault) = self.vault.sessions.current(&self.vault.client).await
            && fault.kind() != FaultKind::TRANSIENT
        {
            return Err(fault);
        }
        if !start.dry_run {
            self.vault.retire(&self.records, start.id).await?;
        }
        let (mut secrets, mut problems) = (BTreeMap::new(), Problems::default());
        let mut not_made = Vec::new();
        let each = self.references();
        let found = together(each.iter().map(|reference| self.secret(start, reference))).await;
        for (&reference, found) in each.iter().zip(found) {
            match found {
                Ok(Some(kept)) => drop(secrets.insert(reference.clone(), kept)),
                Ok(None) => not_made.push(reference),
                Err(fault) => problems.add(reference, fault),
            }
        }
        if start.dry_run {
            self.vault.sessions.end_unkept(&self.vault.client).await;
        }
        problems.none(each.len())?;
        let (made, dry): (Vec<_>, Vec<_>) = self
            .wanted
            .iter()
            .cloned()
            .partition(|wanted| !not_made.contains(&&wanted.secret));
        let mut variables = take_all(&made, &secrets)?;
        for Wanted { take, .. } in dry {
            if let Take::One { variable, .. } = take {
                variables.insert(variable, Zeroizing::new(NOT_MADE.to_owned()));
            }
        }
        Ok(variables)
    }

    /// Each secret that is wanted, once.
    fn references(&self) -> Vec<&Reference> {
        let mut references: Vec<&Reference> = Vec::new();
        for Wanted { secret, .. } in &self.wanted {
            if !references.contains(&secret) {
                references.push(secret);
            }
        }
        references
    }

    /// A secret for a workspace; none for one that is made for each, in a dry run.
    ///
    /// # Errors
    /// Vault does not give it.
    async fn secret<A: Attributes + Sync>(
        &self,
        start: &Start<'_, A>,
        reference: &Reference,
    ) -> Result<Option<Kept>, Fault> {
        let path = reference.path.of(start.attributes)?;
        let place = self.vault.place(reference, &path).await?;
        if place.engine != Engine::Dynamic {
            return self.vault.stored(reference, &place).await.map(Some);
        }
        if start.dry_run {
            return Ok(None);
        }
        let purpose = Purpose::Variables(self.served_by(reference));
        let ask = || Ok(Ask::make(&place.path));
        let made = self
            .vault
            .make(
                &self.records,
                Some(start.id),
                purpose,
                (reference, &place),
                ask,
            )
            .await?;
        Ok(Some(made.secret))
    }

    /// The variables that a secret goes into, for messages.
    fn served_by(&self, reference: &Reference) -> Vec<String> {
        let wanted = self.wanted.iter();
        wanted
            .filter(|wanted| wanted.secret == *reference)
            .map(|wanted| match &wanted.take {
                Take::One { variable, .. } => variable.clone(),
                Take::All(_) => format!("all keys of {reference}"),
            })
            .collect()
    }

    /// A fresh token. `workspace` is none for one that all share.
    ///
    /// # Errors
    /// Nothing is configured for the audience, or Vault gives none.
    pub async fn token<A: Attributes + Sync>(
        &self,
        workspace: Option<&str>,
        attributes: &A,
        wish: &TokenWish<'_>,
    ) -> Result<Issued, Fault> {
        let served = self.served(wish.audience)?;
        let issued = self.issued(served, workspace, attributes, wish).await;
        issued.map_err(|fault| named(&served.secret, fault))
    }

    /// # Errors
    /// Vault gives none.
    async fn issued<A: Attributes + Sync>(
        &self,
        served: &Served,
        workspace: Option<&str>,
        attributes: &A,
        wish: &TokenWish<'_>,
    ) -> Result<Issued, Fault> {
        let reference = &served.secret;
        let path = reference.path.of(attributes)?;
        let place = self.vault.place(reference, &path).await?;
        let (kept, ends_at) = if place.engine == Engine::Dynamic {
            let fields = served.narrow.then(|| narrowed(wish));
            let ask = || match &fields {
                Some(fields) => Ask::write(&place.path, fields),
                None => Ok(Ask::make(&place.path)),
            };
            let workspace = workspace.filter(|_| !served.shared);
            let purpose = Purpose::Token(served.audience.clone());
            let made = self
                .vault
                .make(&self.records, workspace, purpose, (reference, &place), ask)
                .await?;
            (made.secret, made.ends_at)
        } else {
            (self.vault.stored(reference, &place).await?, None)
        };
        let pick = Pick {
            json_key: Some(served.field.clone()),
            encoding: None,
        };
        Ok(Issued {
            value: pick.value(&kept).map_err(Fault::config)?,
            ends_at,
            username: served.username.clone(),
        })
    }

    /// # Errors
    /// A `denied` fault for an audience that nothing is configured for: it must never see another's token.
    fn served(&self, audience: &str) -> Result<&Served, Fault> {
        let mut served = self.served.iter();
        let found = match audience {
            "" => served.next(),
            audience => served.find(|served| served.audience.eq_ignore_ascii_case(audience)),
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = self
                .served
                .iter()
                .map(|served| served.audience.as_str())
                .collect();
            Fault::denied(format!(
                "expected one of the audiences under \"tokens\" ({}), found {audience:?}; add it there, or let another plugin serve it (git.provider)",
                if known.is_empty() { "there are none".to_owned() } else { known.join(", ") }
            ))
        })
    }

    /// Looks after the leases of a workspace that runs.
    ///
    /// # Errors
    /// The state cannot be read or written.
    pub async fn tend(&self, workspace: &str) -> Result<Again, Fault> {
        self.vault.tend(&self.records, workspace).await
    }

    /// Revokes what was made for a workspace that has gone.
    ///
    /// # Errors
    /// Something was not revoked yet.
    pub async fn ended(&self, workspace: &str) -> Result<(), Fault> {
        self.vault.end(&self.records, workspace).await
    }
}

/// A fault with the name of the secret that it is about.
fn named(reference: &Reference, fault: Fault) -> Fault {
    let mut problems = Problems::default();
    problems.add(reference, fault.clone());
    problems.none(1).err().unwrap_or(fault)
}

/// The body that vault-plugin-secrets-github and its like take.
fn narrowed(wish: &TokenWish<'_>) -> Value {
    let mut fields = json!({});
    if !wish.repositories.is_empty() {
        let name = |full: &&str| full.rsplit('/').next().unwrap_or_default().to_owned();
        let names: Vec<String> = wish.repositories.iter().map(name).collect();
        fields["repositories"] = names.into();
    }
    for (permission, level) in &wish.permissions {
        fields["permissions"][permission] = (*level).into();
    }
    fields
}
