//! Which workspaces a list is to show, read from its parameters, and where the next page is.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, Uri};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::json_schema;

use crate::{
    http::{
        error::ApiError,
        query::{self, Many, Parameter, Query},
    },
    provision::Problem,
    schema::words,
    store::{Filter, WorkspaceState},
};

/// So many workspaces are on a page if nothing else is asked for.
pub(crate) const DEFAULT_LIMIT: usize = 100;
/// The most workspaces on a page.
pub(crate) const MAX_LIMIT: usize = 1000;
/// The most labels to filter by.
const MAX_LABELS: usize = 16;
/// What a cursor begins with, so that another version's is told from nonsense.
const CURSOR: u8 = 1;

/// What a list was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) filter: Filter,
    pub(crate) after: Option<i64>,
    pub(crate) limit: usize,
}

/// The parameters of a list. A workspace must fit all that are there.
pub(crate) const PARAMETERS: [Parameter; 7] = [
    Parameter::one(
        "limit",
        "The most on a page.",
        || json_schema!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
    ),
    Parameter::one(
        "after",
        "`next` of the page before; without it the list begins. Take it over as it is.",
        || json_schema!({"type": "string", "pattern": "^A[Q-X][A-Za-z0-9_-]{10}$"}),
    ),
    Parameter::several(Many::Commas, "state", "One or more of the states.", || {
        let state = words(&WorkspaceState::ALL.map(WorkspaceState::as_str));
        json_schema!({"type": "array", "minItems": 1, "items": state})
    }),
    Parameter::one("tenant", "Exactly this tenant.", query::text),
    Parameter::one("role", "Exactly this role.", query::text),
    Parameter::one("name", "Exactly this name.", query::text),
    Parameter::several(
        Many::Repeated,
        "label",
        "`name=value`; all of them must be there.",
        || {
            let label = json_schema!({"type": "string", "pattern": "^[^=]+="});
            json_schema!({"type": "array", "maxItems": MAX_LABELS, "items": label})
        },
    ),
];

impl Listing {
    /// Reads the parameters of `uri`.
    pub(crate) fn of(uri: &Uri) -> Result<Self, ApiError> {
        let mut query = Query::new(uri, &PARAMETERS)?;
        let mut problems = Vec::new();
        let listing = Self {
            limit: limit(&mut query, &mut problems),
            after: after(&mut query, &mut problems),
            filter: Filter {
                states: states(&mut query, &mut problems),
                tenant: query.take("tenant"),
                role: query.take("role"),
                name: query.take("name"),
                labels: labels(&mut query, &mut problems),
            },
        };
        if problems.is_empty() {
            Ok(listing)
        } else {
            Err(query::refused(problems))
        }
    }
}

fn limit(query: &mut Query, problems: &mut Vec<Problem>) -> usize {
    let Some(text) = query.take("limit") else {
        return DEFAULT_LIMIT;
    };
    let limit = text.parse().ok();
    let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.unwrap_or_else(|| {
        let problem = format!(
            "expected a whole number from 1 to {MAX_LIMIT}, found something else: correct it"
        );
        problems.push(Problem::new("limit", problem));
        DEFAULT_LIMIT
    })
}

fn after(query: &mut Query, problems: &mut Vec<Problem>) -> Option<i64> {
    let text = query.take("after")?;
    let place = place(&text);
    if place.is_none() {
        let problem = "expected `next` of an earlier page, found something else: take it over as it is, or leave it out for the first page";
        problems.push(Problem::new("after", problem));
    }
    place
}

fn states(query: &mut Query, problems: &mut Vec<Problem>) -> Vec<WorkspaceState> {
    let Some(text) = query.take("state") else {
        return Vec::new();
    };
    let states = text
        .split(',')
        .map(|name| WorkspaceState::from_name(name.trim()));
    let states: Option<Vec<_>> = states.collect();
    states.unwrap_or_else(|| {
        let known = WorkspaceState::ALL.map(WorkspaceState::as_str).join(", ");
        let problem = format!(
            "expected some of {known} with commas between, found something else: correct it"
        );
        problems.push(Problem::new("state", problem));
        Vec::new()
    })
}

fn labels(query: &mut Query, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some(label) = query.take("label") {
        let problem = match label.split_once('=') {
            Some((key, value)) if !key.is_empty() && labels.len() < MAX_LABELS => {
                let other = labels.insert(key.to_owned(), value.to_owned());
                if other.is_none_or(|other| other == value) {
                    continue;
                }
                "expected one value for each name, found two: no workspace has both".to_owned()
            }
            _ => format!(
                "expected at most {MAX_LABELS} of name=value, found something else: correct it"
            ),
        };
        problems.push(Problem::new("label", problem));
    }
    labels
}

/// The opaque name of a place in the list.
pub(crate) fn cursor(place: i64) -> String {
    let mut bytes = vec![CURSOR];
    bytes.extend(place.to_be_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn place(cursor: &str) -> Option<i64> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (&CURSOR, place) = bytes.split_first()? else {
        return None;
    };
    Some(i64::from_be_bytes(place.try_into().ok()?)).filter(|place| *place > 0)
}

/// The `Link` to the next page of the list at `uri` (RFC 8288).
pub(crate) fn link(uri: &Uri, next: &str) -> Option<HeaderValue> {
    let others = uri.query().unwrap_or_default().split('&');
    let mut query: String = others
        .filter(|pair| !pair.is_empty() && !pair.starts_with("after="))
        .flat_map(|pair| [pair, "&"])
        .collect();
    query.push_str("after=");
    let link = format!("<{}?{query}{next}>; rel=\"next\"", uri.path());
    HeaderValue::try_from(link).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(query: &str) -> Result<Listing, ApiError> {
        Listing::of(&format!("/workspaces?{query}").parse().unwrap())
    }

    #[test]
    fn everything_asked_for_is_read() {
        let asked = format!(
            "limit=7&after={}&state=running,%20failed&tenant=acme&role=&name=a%20b&label=a=b&label=c==d,e",
            cursor(5)
        );
        let found = listing(&asked).unwrap();
        assert_eq!((found.limit, found.after), (7, Some(5)));
        let filter = Filter {
            states: vec![WorkspaceState::Running, WorkspaceState::Failed],
            tenant: Some("acme".into()),
            role: Some(String::new()),
            name: Some("a b".into()),
            labels: [("a", "b"), ("c", "=d,e")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        };
        assert_eq!(found.filter, filter);
        let first = listing("").unwrap();
        assert_eq!((first.limit, first.after), (DEFAULT_LIMIT, None));
        assert_eq!(first.filter, Filter::default());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let labels = "label=a=b&".repeat(MAX_LABELS + 1);
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=",
            "after=",
            "after=AQ",
            "after=../..",
            "after=AgAAAAAAAAAF",
            "after=AQAAAAAAAAAA",
            "state=",
            "state=Running",
            "state=running,",
            "label=a",
            "label==b",
            "label=a=b&label=a=c",
            "name=a&name=b",
            "sort=name",
        ] {
            assert!(listing(bad).is_err(), "{bad}");
        }
        assert!(
            listing(labels.trim_end_matches('&')).is_ok(),
            "it is one label all the time"
        );
    }

    #[test]
    fn the_next_page_is_of_the_same_list() {
        let link = |uri: &str| link(&uri.parse().unwrap(), "N").unwrap();
        assert_eq!(link("/workspaces"), "</workspaces?after=N>; rel=\"next\"");
        assert_eq!(
            link("/workspaces?limit=2&after=M&label=a%3Db"),
            "</workspaces?limit=2&label=a%3Db&after=N>; rel=\"next\""
        );
    }
}
