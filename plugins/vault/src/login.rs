//! Logs in: AppRole with its secret id plain or wrapped, Kubernetes and JWT with a token from a file.

mod wrapped;

use std::{fs, path::Path};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{memory::World, off_thread::off_thread, quote::quoted};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    client::{Answer, Ask, Auth, Client, Envelope, Refusal},
    config::{Method, SecretId},
};

/// A file with a token in it is no longer than this.
const MOST_BYTES: usize = 64 * 1024;

/// A new token, by whatever method is not a token already.
///
/// # Errors
/// `config` for credentials that Vault does not accept.
pub(crate) async fn log_in<W: World>(client: &Client<W>, method: &Method) -> Result<Auth, Fault> {
    let (mount, fields) = match method {
        Method::Token(_) => {
            return Err(Fault::config(
                "/auth/token: expected a token that works, found one that Vault no longer accepts; put a new one there, \
                 or use a login that the plugin can repeat",
            ));
        }
        Method::AppRole {
            mount,
            role_id,
            secret_id,
        } => {
            let id = match secret_id {
                SecretId::None => None,
                SecretId::Plain(id) => Some(id.clone()),
                SecretId::Wrapped(token) => Some(wrapped::unwrapped(client, mount, token).await?),
            };
            let mut fields = json!({ "role_id": role_id });
            if let Some(id) = &id {
                fields["secret_id"] = id.as_str().into();
            }
            (mount, fields)
        }
        Method::Signed {
            mount,
            role,
            jwt_file,
        } => {
            let jwt = jwt(jwt_file).await?;
            (mount, json!({ "role": role, "jwt": jwt.as_str() }))
        }
    };
    let path = format!("auth/{mount}/login");
    let answer = client.ask(&Ask::write(&path, &fields)?).await?;
    let response = match answer {
        Answer::Success(response) => response,
        Answer::Refused(refusal) => return Err(refused(client, method, mount, &refusal)),
    };
    let envelope: Envelope = client.service().read(&response)?;
    let auth = envelope.auth.ok_or_else(|| {
        Fault::transient(format!(
            "expected a token from {path}, found an answer without one"
        ))
    })?;
    if auth.num_uses > 0 {
        return Err(Fault::config(format!(
            "expected tokens that can be used without a limit from auth/{mount}, found one for {} uses; set the role's token_num_uses to 0",
            auth.num_uses
        )));
    }
    Ok(auth)
}

/// What a refused login means, and what to look at.
fn refused<W: World>(client: &Client<W>, method: &Method, mount: &str, refusal: &Refusal) -> Fault {
    let (service, place) = (client.service(), client.in_namespace());
    let (who, look) = match method {
        Method::Token(_) => ("this token".to_owned(), String::new()),
        Method::AppRole { role_id, .. } => (
            format!("role id {role_id} with its secret id"),
            "the secret id may have expired, been used up or revoked: make a new one, and check the role id".to_owned(),
        ),
        Method::Signed { role, jwt_file, .. } => (
            format!("role {role} with the token in {}", jwt_file.display()),
            "check the role's bound names, namespaces, audience and claims against the token, and that the token has not expired".to_owned(),
        ),
    };
    let mounted = if matches!(refusal.status(), 403 | 404) {
        format!("check that the login is mounted at auth/{mount}{place} (\"mount\", /namespace); ")
    } else {
        String::new()
    };
    Fault::config(format!(
        "/auth: {service} does not accept {who} at auth/{mount}/login{place} (status {}){}; {mounted}{look}",
        refusal.status(),
        quoted(refusal.message())
    ))
}

/// The token in the file, read again each time: it is replaced while the platform runs.
///
/// # Errors
/// A `config` fault for a file that cannot be read or holds no token.
async fn jwt(file: &Path) -> Result<Zeroizing<String>, Fault> {
    let path = file.to_owned();
    let bytes = off_thread(move || fs::read(path).map(Zeroizing::new)).await?;
    let expected = |found: &str| {
        Fault::config(format!(
            "/auth: expected a signed token in {}, found {found}",
            file.display()
        ))
    };
    let bytes = bytes.map_err(|error| expected(&format!("that it cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| expected("no text"))?;
    let token = text.trim();
    if token.split('.').count() != 3 || token.len() > MOST_BYTES {
        return Err(expected("no JSON web token"));
    }
    Ok(Zeroizing::new(token.to_owned()))
}
