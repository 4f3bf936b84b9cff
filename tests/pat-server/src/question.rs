//! What a client asks, checked against the contract.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, AUTHORIZATION};

use crate::refusal::Refusal;

const MOST_NAMES: usize = 100;
const LONGEST: usize = 128;

/// A question that keeps to the contract.
pub(crate) struct Question {
    /// Empty if it was not said.
    pub(crate) tenant: String,
    pub(crate) names: Vec<String>,
}

impl Question {
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let (mut tenant, mut workspace, mut names) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match key {
                "tenant" => &mut tenant,
                "workspace" => &mut workspace,
                "names" => &mut names,
                _ => return Err(Refusal::invalid("an unknown parameter")),
            };
            if slot.replace(value).is_some() {
                return Err(Refusal::invalid("a parameter that is repeated"));
            }
        }
        let names = names.ok_or(Refusal::invalid("no names"))?;
        for told in [tenant, workspace].into_iter().flatten() {
            if decoded(told)?.is_empty() {
                return Err(Refusal::invalid("an empty tenant or workspace"));
            }
        }
        Ok(Self {
            tenant: decoded(tenant.unwrap_or_default())?,
            names: parse_names(names)?,
        })
    }
}

/// Whether the client's credentials are these.
pub(crate) fn check_headers(headers: &HeaderMap, token: &str) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(AUTHORIZATION) != Some(format!("Bearer {token}").as_str()) {
        return Err(Refusal::Unauthorized);
    }
    let accept = text(ACCEPT).unwrap_or("*/*");
    if !["application/json", "application/*", "*/*"]
        .iter()
        .any(|fit| accept.contains(fit))
    {
        return Err(Refusal::invalid("an Accept without application/json"));
    }
    Ok(())
}

fn parse_names(text: &str) -> Result<Vec<String>, Refusal> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = decoded(text)?;
    let mut names: Vec<String> = text.split(',').map(str::to_owned).collect();
    if names.len() > MOST_NAMES || !names.iter().all(|name| is_name(name)) {
        return Err(Refusal::invalid("too many names, or one that is none"));
    }
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refusal::invalid("a name twice"));
    }
    Ok(names)
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= LONGEST
        && bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let wrong = Refusal::invalid("a percent-encoding that is none");
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.map(char::from));
        let [Some(high), Some(low)] =
            digits.map(|digit| digit.and_then(|digit| digit.to_digit(16)))
        else {
            return Err(wrong);
        };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong)?);
    }
    String::from_utf8(bytes).map_err(|_| wrong)
}
