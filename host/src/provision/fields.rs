//! Reads the fields of a JSON object and collects what is wrong with them. Knows fields, not what they are for.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::schema::Field;

/// One thing that is wrong with what a user asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Where: the path of a field, or the name of a query parameter; empty for the whole.
    pub field: String,
    /// Expected, found, what to do. Never a value.
    pub problem: String,
}

impl Problem {
    /// A problem with a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// A problem with a member of a field that maps names to values.
    pub(super) fn of_member(field: &str, name: &str, problem: impl Into<String>) -> Self {
        Self::new(member(field, name), problem)
    }
}

/// The fields of an object.
pub(crate) struct Fields {
    known: Vec<&'static str>,
    object: Map<String, Value>,
    problems: Vec<Problem>,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not of the expected type is refused, whatever it is"
)]
impl Fields {
    /// The fields of `json`, of which only the `known` may be there.
    pub(crate) fn new(json: Value, known: &[Field]) -> Self {
        let known: Vec<_> = known.iter().map(|field| field.name).collect();
        let object = match json {
            Value::Object(object) => object,
            other => {
                let problem = Problem::new(
                    "",
                    format!(
                        "expected an object, found {}: put the fields in braces",
                        kind(&other)
                    ),
                );
                return Self {
                    known,
                    object: Map::new(),
                    problems: vec![problem],
                };
            }
        };
        let unknown = |name: &&String| !known.contains(&name.as_str());
        let problems = object
            .keys()
            .filter(unknown)
            .map(|name| unknown_field(name, &known))
            .collect();
        Self {
            known,
            object,
            problems,
        }
    }

    /// What stands there; null stands for nothing.
    fn take(&mut self, name: &str) -> Option<Value> {
        // It would be refused as unknown, and no schema would show it.
        debug_assert!(self.known.contains(&name), "{name} is read and not listed");
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A string that may be absent.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name) {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => self.ill_typed(name, "a string", &other),
        }
    }

    /// An array of strings; empty if it is absent.
    pub(crate) fn texts(&mut self, name: &str) -> Vec<String> {
        let items = match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                return self
                    .ill_typed(name, "an array of strings", &other)
                    .unwrap_or_default();
            }
        };
        let text = |(index, item)| match item {
            Value::String(text) => Some(text),
            other => self.ill_typed(&format!("{name}[{index}]"), "a string", &other),
        };
        items.into_iter().enumerate().filter_map(text).collect()
    }

    /// An object of strings; empty if it is absent.
    pub(crate) fn texts_by_name(&mut self, name: &str) -> BTreeMap<String, String> {
        let members = match self.take(name) {
            None => Map::new(),
            Some(Value::Object(members)) => members,
            Some(other) => {
                return self
                    .ill_typed(name, "an object of strings", &other)
                    .unwrap_or_default();
            }
        };
        let text = |(key, value): (String, Value)| match value {
            Value::String(text) => Some((key, text)),
            other => self.ill_typed(&member(name, &key), "a string", &other),
        };
        members.into_iter().filter_map(text).collect()
    }

    /// Whatever stands there, which may be absent.
    pub(crate) fn object(&mut self, name: &str) -> Option<Value> {
        self.take(name)
    }

    /// The items of an array; empty if it is absent.
    pub(crate) fn items(&mut self, name: &str) -> Vec<Value> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => self.ill_typed(name, "an array", &other).unwrap_or_default(),
        }
    }

    /// `true` or `false`, which may be absent.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name) {
            None => None,
            Some(Value::Bool(value)) => Some(value),
            Some(other) => self.ill_typed(name, "true or false", &other),
        }
    }

    /// A whole number within these bounds, which may be absent.
    pub(crate) fn number(&mut self, name: &str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(name)?;
        let found = whole(&value).filter(|number| bounds.contains(number));
        if found.is_none() {
            let (least, most) = bounds.into_inner();
            let problem = format!(
                "expected a whole number from {least} to {most}, found something else: correct it"
            );
            self.problems.push(Problem::new(name, problem));
        }
        found
    }

    /// The value, or a problem with the field.
    pub(crate) fn keep<T, E: Display>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| self.problems.push(Problem::new(name, error.to_string())))
            .ok()
    }

    /// What is wrong.
    pub(crate) fn finish(self) -> Vec<Problem> {
        self.problems
    }

    fn ill_typed<T>(&mut self, field: &str, expected: &str, found: &Value) -> Option<T> {
        self.problems.push(Problem::new(
            field,
            format!("expected {expected}, found {}: change it", kind(found)),
        ));
        None
    }
}

/// A number without a fraction, however it is written: `60.0` and `6e1` are whole numbers of JSON, too.
fn whole(value: &Value) -> Option<u64> {
    let written = || {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    };
    value.as_u64().or_else(written)
}

/// `field.name`, with the name in quotes unless it is a plain one.
fn member(field: &str, name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let shown: String = name.chars().take(64).collect();
    if plain {
        format!("{field}.{shown}")
    } else {
        format!("{field}.{shown:?}")
    }
}

fn unknown_field(name: &str, known: &[&str]) -> Problem {
    let near = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min();
    let shown: String = name.chars().take(64).collect();
    Problem::new(
        shown,
        match near {
            Some((distance, near)) if distance <= 2 => {
                format!("there is no such field: did you mean \"{near}\"?")
            }
            _ => format!(
                "there is no such field: expected one of {}",
                known.join(", ")
            ),
        },
    )
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::words;

    fn known<const N: usize>(names: [&'static str; N]) -> [Field; N] {
        names.map(|name| Field::new(name, "", || words(&[])))
    }

    #[test]
    fn an_unknown_field_gets_a_suggestion_when_one_is_near() {
        let problems = Fields::new(
            json!({"comand": 1, "zzzzzz": 1}),
            &known(["command", "name"]),
        )
        .finish();
        assert_eq!(
            problems,
            [
                Problem::new(
                    "comand",
                    "there is no such field: did you mean \"command\"?"
                ),
                Problem::new(
                    "zzzzzz",
                    "there is no such field: expected one of command, name"
                ),
            ]
        );
    }

    #[test]
    fn an_absent_field_is_no_problem_and_an_ill_typed_one_is() {
        let mut fields = Fields::new(
            json!({"a": 1, "b": {"x": []}, "c": true}),
            &known(["a", "b", "c", "d"]),
        );
        assert_eq!((fields.text("a"), fields.text("d")), (None, None));
        assert!(fields.texts_by_name("b").is_empty() && fields.texts("c").is_empty());
        let found: Vec<_> = fields
            .finish()
            .into_iter()
            .map(|problem| (problem.field, problem.problem))
            .collect();
        assert_eq!(
            found[0],
            (
                "a".into(),
                "expected a string, found a number: change it".into()
            )
        );
        assert_eq!(
            found[1],
            (
                "b.x".into(),
                "expected a string, found an array: change it".into()
            )
        );
        assert_eq!(
            found[2],
            (
                "c".into(),
                "expected an array of strings, found a boolean: change it".into()
            )
        );
    }
}
