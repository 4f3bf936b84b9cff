//! Credentials files, in all of their types.

use std::{collections::BTreeMap, path::PathBuf};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::base_url::BaseUrl;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    Base, External, Person, ServiceAccount, Source,
    assertion::AccountKey,
    external::{Executable, Format, Subject},
    source::Acting,
};

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const EXCHANGE_URI: &str = "https://sts.googleapis.com/v1/token";
/// What a token for another account lives, unless the file says otherwise.
const USUAL_SECONDS: u64 = 3600;

/// What a file leads to.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) source: Source,
    pub(super) project: Option<String>,
    pub(super) quota_project: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount {
        client_email: String,
        private_key: Zeroizing<String>,
        private_key_id: Option<String>,
        token_uri: Option<String>,
        project_id: Option<String>,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: Zeroizing<String>,
        refresh_token: Zeroizing<String>,
        token_uri: Option<String>,
        quota_project_id: Option<String>,
    },
    ExternalAccount(Box<ExternalFile>),
    ImpersonatedServiceAccount {
        service_account_impersonation_url: String,
        #[serde(default)]
        delegates: Vec<String>,
        source_credentials: Box<File>,
        quota_project_id: Option<String>,
    },
}

#[derive(Deserialize)]
struct ExternalFile {
    audience: String,
    subject_token_type: String,
    token_url: Option<String>,
    credential_source: SourceFile,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Lifetime,
    client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    workforce_pool_user_project: Option<String>,
    quota_project_id: Option<String>,
}

#[derive(Default, Deserialize)]
struct Lifetime {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct SourceFile {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Zeroizing<String>>,
    #[serde(default)]
    format: Format,
    executable: Option<Executable>,
    environment_id: Option<String>,
}

/// Reads a file's text. `place` says where it is from.
///
/// # Errors
/// A `config` fault, which holds no value of the file.
pub(super) fn open(text: &str, place: &str, executables: bool) -> Result<Opened, Fault> {
    let file: File = serde_json::from_str(text).map_err(|error| {
        let what = if error.is_data() { "a JSON object without a known \"type\" or one of its fields" } else { "something that is no JSON" };
        Fault::config(format!(
            "expected Google credentials (\"type\": service_account, authorized_user, external_account or impersonated_service_account) in {place}, found \
             {what} at line {} column {}",
            error.line(), error.column()
        ))
    })?;
    opened(file, executables).map_err(|fault| Fault::config(format!("{place}: {fault}")))
}

/// # Errors
/// What does not fit in it.
fn opened(file: File, executables: bool) -> Result<Opened, Fault> {
    match file {
        File::ServiceAccount {
            client_email,
            private_key,
            private_key_id,
            token_uri,
            project_id,
        } => {
            let key = AccountKey::parse(&private_key, private_key_id)?;
            let account =
                ServiceAccount::new(client_email, key, url(token_uri, TOKEN_URI, "token_uri")?);
            Ok(Opened {
                source: plain(Base::ServiceAccount(account)),
                project: project_id,
                quota_project: None,
            })
        }
        File::AuthorizedUser {
            client_id,
            client_secret,
            refresh_token,
            token_uri,
            quota_project_id,
        } => {
            let person = Person {
                client_id,
                client_secret,
                refresh_token,
                token_uri: url(token_uri, TOKEN_URI, "token_uri")?,
            };
            Ok(Opened {
                source: plain(Base::Person(person)),
                project: None,
                quota_project: quota_project_id,
            })
        }
        File::ExternalAccount(file) => external(*file, executables),
        File::ImpersonatedServiceAccount {
            service_account_impersonation_url,
            delegates,
            source_credentials,
            quota_project_id,
        } => {
            let mut opened = opened(*source_credentials, executables)?;
            opened.source.then.push(acting(
                service_account_impersonation_url,
                delegates,
                USUAL_SECONDS,
            )?);
            opened.quota_project = quota_project_id.or(opened.quota_project);
            Ok(opened)
        }
    }
}

/// # Errors
/// What does not fit in it.
fn external(file: ExternalFile, executables: bool) -> Result<Opened, Fault> {
    let seconds = file
        .service_account_impersonation
        .token_lifetime_seconds
        .unwrap_or(USUAL_SECONDS);
    let then = file
        .service_account_impersonation_url
        .map(|url| acting(url, Vec::new(), seconds))
        .transpose()?;
    let base = External {
        audience: file.audience,
        subject_token_type: file.subject_token_type,
        token_url: url(file.token_url, EXCHANGE_URI, "token_url")?,
        subject: subject(file.credential_source, executables)?,
        client: file.client_id.zip(file.client_secret),
        user_project: file.workforce_pool_user_project,
    };
    let source = Source {
        base: Base::External(base),
        then: then.into_iter().collect(),
    };
    Ok(Opened {
        source,
        project: None,
        quota_project: file.quota_project_id,
    })
}

/// # Errors
/// None or several of its kinds, or one that is left out or not allowed.
fn subject(source: SourceFile, executables: bool) -> Result<Subject, Fault> {
    if source.environment_id.is_some() {
        return Err(Fault::config(
            "expected a subject token from a file, a URL or an executable, found \"environment_id\" (AWS), which this plugin leaves out; write the token to a file",
        ));
    }
    match (source.file, source.url, source.executable) {
        (Some(path), None, None) => Ok(Subject::File(path, source.format)),
        (None, Some(text), None) => Ok(Subject::Url(
            url(Some(text), "", "credential_source/url")?,
            source.headers.into_iter().collect(),
            source.format,
        )),
        (None, None, Some(executable)) if executables => Ok(Subject::Executable(executable)),
        (None, None, Some(_)) => Err(Fault::config(
            "expected a subject token from a file or a URL, found an executable, which \"allow_executables\" does not allow; set it to true if you trust the file",
        )),
        _ => Err(Fault::config(
            "expected one of \"file\", \"url\" and \"executable\" in \"credential_source\", found none or several",
        )),
    }
}

/// # Errors
/// A URL that is none.
fn acting(text: String, delegates: Vec<String>, seconds: u64) -> Result<Acting, Fault> {
    // A colon is part of the path here, which is checked like any other.
    let url = url(Some(text), "", "service_account_impersonation_url")?;
    Ok(Acting {
        url,
        delegates,
        seconds: seconds.clamp(600, 43_200),
    })
}

/// # Errors
/// A URL that would send a credential unencrypted, or is none.
fn url(text: Option<String>, usual: &str, field: &str) -> Result<String, Fault> {
    let text = text.unwrap_or_else(|| usual.to_owned());
    // A query may follow, which is none of a base URL.
    let (base, _) = text.split_once('?').unwrap_or((&text, ""));
    let checked = base.replace('@', "%40");
    BaseUrl::parse(&checked, field, "an https URL")?;
    Ok(text)
}

fn plain(base: Base) -> Source {
    Source {
        base,
        then: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
