//! A host by name, by suffix or by address, and what is a well-formed one.

use std::{fmt, net::IpAddr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// INVARIANT: lower case, no closing dot, not an address.
    Name(String),
    /// Every name below this one, to which the same invariant applies.
    Below(String),
    Address(IpAddr),
}

impl Host {
    /// # Errors
    /// What was found instead of a host.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(address) = as_address(text) {
            return Ok(Self::Address(address));
        }
        let below = text.strip_prefix("*.");
        let name = below.unwrap_or(text);
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        check_name(&name)?;
        Ok(if below.is_some() {
            Self::Below(name)
        } else {
            Self::Name(name)
        })
    }

    pub(super) fn allows(&self, host: &str) -> bool {
        let address = as_address(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case(host),
            Self::Below(suffix) => address.is_none() && is_below(host, suffix),
            Self::Address(mine) => address == Some(*mine),
        }
    }

    /// Whether everything that `other` allows is allowed by this one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(mine), Self::Name(name)) => is_below(name, mine),
            (Self::Below(mine), Self::Below(theirs)) => mine == theirs || is_below(theirs, mine),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// The address, if `host` is one; an IPv6 address with or without brackets.
fn as_address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}

/// Whether `name` ends in `.suffix`.
fn is_below(name: &str, suffix: &str) -> bool {
    let Some(cut) = name.len().checked_sub(suffix.len() + 1) else {
        return false;
    };
    let bytes = name.as_bytes();
    cut > 0
        && bytes.get(cut) == Some(&b'.')
        && bytes
            .get(cut + 1..)
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
}

/// # Errors
/// What is wrong with the name.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("an empty name");
    }
    if name.len() > 253 {
        return Err("a name of more than 253 characters");
    }
    if name.contains('/') {
        return Err("a URL or a path; write the host alone");
    }
    if name.contains('*') {
        return Err("a `*` that is not the whole first label");
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    {
        return Err("a character that is no letter, digit, `-`, `_` or `.`");
    }
    if name
        .split('.')
        .any(|label| label.is_empty() || label.len() > 63)
    {
        return Err("a label that is empty or longer than 63 characters");
    }
    // A URL parser reads `1.2` or `0x7f` as an address, so such a pattern would match nothing.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return Err("a name that ends in a number; write an IP address in full");
    }
    Ok(())
}
