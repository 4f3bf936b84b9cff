//! The parameters of a query string: known ones only, each at most once.

use axum::{
    extract::{FromRequestParts, Query as AxumQuery},
    http::{Uri, request::Parts},
};
use schemars::{Schema, json_schema};

use crate::{capability::Scope, http::error::ApiError, provision::Problem, schema::Field};

/// The longest audience, in characters.
const MAX_AUDIENCE: usize = 256;
/// The most repositories or permissions in one scope.
const MAX_ITEMS: usize = 500;

/// A parameter that a query may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    /// Its name, what it is for, and what may stand in it.
    pub(crate) field: Field,
    /// How many values it may have.
    pub(crate) many: Many,
}

/// How many values a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Many {
    /// One.
    No,
    /// Several, with commas between.
    Commas,
    /// Several, each with the name before it.
    Repeated,
}

impl Parameter {
    /// One value.
    pub(crate) const fn one(
        name: &'static str,
        about: &'static str,
        schema: fn() -> Schema,
    ) -> Self {
        let field = Field::new(name, about, schema);
        Self {
            field,
            many: Many::No,
        }
    }

    /// Several values; the schema is that of the whole, an array.
    pub(crate) const fn several(
        many: Many,
        name: &'static str,
        about: &'static str,
        schema: fn() -> Schema,
    ) -> Self {
        let field = Field::new(name, about, schema);
        Self { field, many }
    }
}

/// The parameters of a scope.
pub(crate) const SCOPE: [Parameter; 3] = [
    Parameter::one(
        "audience",
        "What the token is for, as the plugin names it: a host name for git.",
        || {
            json_schema!({
                "type": "string",
                "maxLength": MAX_AUDIENCE,
                "pattern": r"^(?=[^\u0000]*[^, ])[^\u0000-\u001f\u007f-\u009f\ufffd]+$",
            })
        },
    ),
    Parameter::several(
        Many::Commas,
        "repositories",
        "The repositories that it shall reach, `owner/name` each.",
        || {
            let part = r"[A-Za-z0-9_.-]{1,100}";
            list(&format!(r"^(?!\.+/){part}/(?!\.+$){part}$"))
        },
    ),
    Parameter::several(
        Many::Commas,
        "permissions",
        "The permissions that it shall have, `permission:level` each, no permission twice.",
        || list("^[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}$"),
    ),
];

fn list(pattern: &str) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_ITEMS,
        "items": {"type": "string", "pattern": pattern},
    })
}

/// Any text.
pub(crate) fn text() -> Schema {
    json_schema!({"type": "string"})
}

/// The parameters of one request.
#[derive(Debug)]
pub(crate) struct Query {
    known: &'static [Parameter],
    given: Vec<(String, String)>,
}

impl Query {
    /// The parameters of `uri`, of which only the `known` may be there.
    pub(crate) fn new(uri: &Uri, known: &'static [Parameter]) -> Result<Self, ApiError> {
        if uri.query().is_none_or(str::is_empty) {
            return Ok(Self {
                known,
                given: Vec::new(),
            });
        }
        let malformed = || {
            vec![Problem::new(
                "",
                "expected parameters as name=value, percent-encoded UTF-8, found something else: encode it",
            )]
        };
        let AxumQuery(given) = AxumQuery::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| refused(malformed()))?;
        let mut problems = Vec::new();
        for (index, (name, _)) in given.iter().enumerate() {
            let shown: String = name.chars().take(64).collect();
            let Some(parameter) = known.iter().find(|known| known.field.name == name) else {
                problems.push(Problem::new(shown, unknown(known)));
                continue;
            };
            if parameter.many != Many::Repeated
                && given.iter().take(index).any(|(earlier, _)| earlier == name)
            {
                problems.push(Problem::new(
                    shown,
                    "expected it once, found it again: put a comma between several items",
                ));
            }
        }
        if problems.is_empty() {
            Ok(Self { known, given })
        } else {
            Err(refused(problems))
        }
    }

    /// The value of a parameter; of one that is a list one after the other.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        debug_assert!(
            self.known.iter().any(|known| known.field.name == name),
            "{name} is read and not listed"
        );
        let index = self.given.iter().position(|(given, _)| given == name)?;
        Some(self.given.swap_remove(index).1)
    }

    /// The scope that `audience`, `repositories` and `permissions` describe.
    pub(crate) fn scope(uri: &Uri) -> Result<Scope, ApiError> {
        let mut query = Self::new(uri, &SCOPE)?;
        let mut problems = Vec::new();
        for (name, value) in &query.given {
            // Empty asks for the widest token: that must not happen because a variable of a script was empty.
            if value.trim_matches([',', ' ']).is_empty() {
                problems.push(Problem::new(
                    name,
                    "expected a value, found none: give one, or leave the parameter out",
                ));
            }
        }
        let audience = query.take("audience").unwrap_or_default();
        if audience.chars().count() > MAX_AUDIENCE || !audience.chars().all(is_plain) {
            let problem = format!(
                "expected at most {MAX_AUDIENCE} characters and no control characters, found others: change it"
            );
            problems.push(Problem::new("audience", problem));
        }
        let repositories = items(query.take("repositories"))
            .filter(|items| items.iter().all(|item| is_repository(item)));
        if repositories.is_none() {
            let problem = format!(
                "expected at most {MAX_ITEMS} of owner/name with commas between, found something else: change it"
            );
            problems.push(Problem::new("repositories", problem));
        }
        let permissions = items(query.take("permissions"))
            .and_then(|items| items.iter().map(|item| permission(item)).collect());
        let permissions = permissions.filter(|pairs: &Vec<(String, String)>| {
            pairs
                .windows(2)
                .all(|two| matches!(two, [one, other] if one.0 != other.0))
        });
        if permissions.is_none() {
            let problem = "expected permission:level, each permission once, with commas between, found something else: change it";
            problems.push(Problem::new("permissions", problem));
        }
        match (repositories, permissions) {
            (Some(repositories), Some(permissions)) if problems.is_empty() => Ok(Scope {
                audience,
                repositories,
                permissions,
            }),
            _ => Err(refused(problems)),
        }
    }
}

/// What is said of a parameter that is none of these.
fn unknown(known: &[Parameter]) -> String {
    let names: Vec<_> = known.iter().map(|known| known.field.name).collect();
    if names.is_empty() {
        "this route takes no parameters: leave it out".to_owned()
    } else {
        let names = names.join(", ");
        format!("there is no such parameter: expected one of {names}")
    }
}

/// Proof that a request has no parameters. A route that passed over one would answer something else than was asked for: the widest
/// token instead of a narrow one.
pub(crate) struct NoParameters;

impl<S: Sync> FromRequestParts<S> for NoParameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::new(&parts.uri, &[]).map(|_| Self)
    }
}

/// The answer to a query with these problems.
pub(crate) fn refused(problems: Vec<Problem>) -> ApiError {
    ApiError::problems("the query is not valid", problems)
}

/// The items of a list, sorted and without doubles, so that one scope is one entry of the cache; none if there are too many.
fn items(list: Option<String>) -> Option<Vec<String>> {
    let list = list.unwrap_or_default();
    let given = list
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let mut items: Vec<_> = given.map(str::to_owned).collect();
    if items.len() > MAX_ITEMS {
        return None;
    }
    items.sort_unstable();
    items.dedup();
    Some(items)
}

/// Neither a control character, nor what stands for bytes that were not UTF-8.
fn is_plain(c: char) -> bool {
    !c.is_control() && c != char::REPLACEMENT_CHARACTER
}

fn is_repository(item: &str) -> bool {
    let plain = |part: &str| {
        (1..=100).contains(&part.len())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && part.chars().any(|c| c != '.')
    };
    item.split_once('/')
        .is_some_and(|(owner, name)| plain(owner) && plain(name))
}

fn permission(item: &str) -> Option<(String, String)> {
    let plain = |part: &str| {
        (1..=64).contains(&part.len())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let (name, level) = item.split_once(':')?;
    (plain(name) && plain(level)).then(|| (name.to_owned(), level.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(query: &str) -> Result<Scope, ApiError> {
        Query::scope(&format!("/x?{query}").parse().unwrap())
    }

    #[test]
    fn a_scope_is_sorted_and_without_doubles() {
        let found = scope("repositories=o/b,o/a,,o%2Fb&permissions=issues:write,contents:read&audience=github.com").unwrap();
        assert_eq!(found.repositories, ["o/a", "o/b"]);
        assert_eq!(
            found.permissions,
            [
                ("contents".into(), "read".into()),
                ("issues".into(), "write".into())
            ]
        );
        assert_eq!(found.audience, "github.com");
        assert_eq!(
            Query::scope(&"/x".parse().unwrap()).unwrap(),
            Scope::default()
        );
        assert_eq!(scope("").unwrap(), Scope::default());
    }

    #[test]
    fn what_is_not_a_scope_is_refused() {
        for bad in [
            "repositories=o",
            "repositories=../..",
            "repositories=o/a/b",
            "repositories=o/a%00",
            "permissions=contents",
            "permissions=contents:",
            "permissions=a:read,a:write",
            "audience=a%0Ab",
            "repo=o/a",
            "audience=a&audience=b",
            "audience=%ff",
            "repositories=",
            "permissions=,",
        ] {
            assert!(scope(bad).is_err(), "{bad}");
        }
        let many = |count| format!("repositories={}", vec!["o/a"; count].join(","));
        assert!(scope(&many(MAX_ITEMS)).is_ok() && scope(&many(MAX_ITEMS + 1)).is_err());
    }
}
