//! Why Vault does not give a secret, and what is to be done about it.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{memory::World, quote::quoted};

use super::{Vault, blamed, gone, policies};
use crate::{
    client::{Metadata, Refusal},
    config::{Engine, Reference},
    engines::Place,
    sessions::Ticket,
};

impl<W: World> Vault<W> {
    /// The fault of a refusal of a secret.
    pub(super) fn not_given(
        &self,
        reference: &Reference,
        place: &Place,
        ticket: &Ticket,
        refusal: &Refusal,
    ) -> Fault {
        let at = format!("{}{}", place.path, self.client.in_namespace());
        let message = match refusal.status() {
            403 if has_data_twice(place) => {
                format!("Vault refuses {at} (status 403); write the path without \"data/\"")
            }
            403 => format!(
                "Vault refuses {at} to a token with the policies {} (status 403); allow \"read\" on that path in one of \
                 them, or correct \"path\", \"mount\" or /namespace",
                policies(ticket)
            ),
            404 => not_there(reference, place, &at, refusal),
            405 => format!("Vault cannot read {at} (status 405); correct \"path\" or \"engine\""),
            // A role that there is not, or a database that does not answer.
            400 => format!(
                "Vault makes no secret at {at} (status 400){}; check the role's name, and the configuration of the engine itself",
                quoted(refusal.message())
            ),
            _ => return refusal.unknown("a secret"),
        };
        blamed(reference, message)
    }

    /// The fault of a refusal to say what is mounted at a path.
    pub(super) fn not_told(
        &self,
        reference: &Reference,
        ticket: &Ticket,
        refusal: &Refusal,
    ) -> Fault {
        if refusal.status() != 403 {
            return refusal.unknown("a secret");
        }
        let message = format!(
            "Vault does not say what is mounted there{} to a token with the policies {} (status 403): either nothing \
             is, or no policy allows anything below it; allow \"read\" on the secret, or correct \"path\" or /namespace",
            self.client.in_namespace(),
            policies(ticket)
        );
        blamed(reference, message)
    }
}

fn not_there(reference: &Reference, place: &Place, at: &str, refusal: &Refusal) -> String {
    if let Some(gone) = gone(refusal) {
        return was_there(&gone.metadata);
    }
    let remedy = match place.engine {
        Engine::Kv2 if has_data_twice(place) => "write the path without \"data/\"",
        Engine::Kv1 if refusal.message().contains("versioned") => {
            "it is KV version 2: correct \"engine\""
        }
        Engine::Kv2 if reference.engine == Engine::Kv2 => {
            "put it there, or correct \"path\", \"mount\", or \"engine\" if it is KV version 1"
        }
        Engine::Kv1 | Engine::Kv2 | Engine::Dynamic | Engine::Auto => {
            "put it there, or correct \"path\""
        }
    };
    format!("expected a secret at {at}, found none (status 404); {remedy}")
}

/// The path of a request was written where that of a secret belongs.
fn has_data_twice(place: &Place) -> bool {
    place.engine == Engine::Kv2 && place.path.contains("/data/data/")
}

fn was_there(metadata: &Metadata) -> String {
    let version = metadata.version;
    if metadata.destroyed {
        return format!(
            "expected a secret, found version {version}, which was destroyed for good; write a new version, or name another with \"version\""
        );
    }
    format!(
        "expected a secret, found version {version}, which was deleted at {}; restore it (`vault kv undelete`), write a new version, or name \
         another with \"version\"",
        metadata.deletion_time
    )
}
