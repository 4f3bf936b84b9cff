//! The parameters of a request: from its query, and from a body that is a form or a JSON object.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    pub(crate) fn parse(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        let mut params = Self::default();
        params.add_form(query);
        if body.is_empty() {
            return Ok(params);
        }
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media = content_type.unwrap_or_default().split(';').next();
        match media.unwrap_or_default().trim() {
            "application/x-www-form-urlencoded" => {
                params.add_form(&String::from_utf8_lossy(body));
            }
            "application/json" => match serde_json::from_slice(body) {
                Ok(Value::Object(object)) => params.0.extend(object),
                _ => {
                    return Err(Refusal::bad_request(
                        "message body does not match declared format",
                    ));
                }
            },
            other => {
                let message = format!("The provided content-type '{other}' is not supported.");
                return Err(Refusal::parameters(&[message]));
            }
        }
        Ok(params)
    }

    /// `name[]=a&name[]=b` is an array.
    fn add_form(&mut self, form: &str) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), Value::String(decoded(value)));
            let Some(name) = name.strip_suffix("[]") else {
                self.0.insert(name, value);
                continue;
            };
            let array = self
                .0
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(array) = array {
                array.push(value);
            }
        }
    }

    /// A string or a number, as text. An empty one is none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.0.get(name)? {
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect(),
            Value::String(text) => Some(text.split(',').map(str::to_owned).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }
}

/// Collects all that is wrong with the parameters, as GitLab answers it at once.
pub(crate) struct Validator<'p> {
    params: &'p Params,
    errors: Vec<String>,
}

impl<'p> Validator<'p> {
    pub(crate) fn new(params: &'p Params) -> Self {
        let errors = Vec::new();
        Self { params, errors }
    }

    pub(crate) fn required(&mut self, name: &str) -> String {
        let found = self.params.text(name);
        if found.is_none() {
            self.errors.push(format!("{name} is missing"));
        }
        found.unwrap_or_default()
    }

    pub(crate) fn scopes(&mut self, allowed: &[&str]) -> Vec<String> {
        let Some(scopes) = self.params.list("scopes") else {
            self.errors.push("scopes is missing".to_owned());
            return Vec::new();
        };
        let known = |scope: &String| allowed.contains(&scope.as_str());
        if scopes.is_empty() || !scopes.iter().all(known) {
            self.errors
                .push("scopes does not have a valid value".to_owned());
        }
        scopes
    }

    pub(crate) fn date(&mut self, name: &str) -> Option<Date> {
        let date = self.params.text(name)?.parse().ok();
        if date.is_none() {
            self.errors.push(format!("{name} is invalid"));
        }
        date
    }

    pub(crate) fn required_date(&mut self, name: &str) -> Option<Date> {
        self.required(name);
        self.date(name)
    }

    pub(crate) fn one_of(&mut self, name: &str, allowed: &[u64], default: u64) -> u64 {
        let Some(text) = self.params.text(name) else {
            return default;
        };
        let found = text.parse().ok().filter(|number| allowed.contains(number));
        if found.is_none() {
            self.errors
                .push(format!("{name} does not have a valid value"));
        }
        found.unwrap_or(default)
    }

    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Refusal::parameters(&self.errors))
    }
}

/// `%41` and `+` of a form.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let pair = digit().zip(digit());
                let number = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                number.unwrap_or(b'?')
            }
            other => other,
        };
        bytes.push(decoded);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_and_a_query_say_the_same_as_json() {
        let form = HeaderMap::from_iter([(
            CONTENT_TYPE,
            "application/x-www-form-urlencoded".parse().unwrap(),
        )]);
        let json = HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse().unwrap())]);
        let bodies = [
            (
                "name=a+b%2Fc&scopes[]=api&scopes[]=read_user",
                "",
                HeaderMap::new(),
            ),
            ("", "name=a+b%2Fc&scopes[]=api&scopes[]=read_user", form),
            ("", r#"{"name":"a b/c","scopes":["api","read_user"]}"#, json),
        ];
        for (query, body, headers) in bodies {
            let params = Params::parse(query, &headers, body.as_bytes()).unwrap();
            assert_eq!(params.text("name").as_deref(), Some("a b/c"));
            assert_eq!(params.list("scopes").unwrap(), ["api", "read_user"]);
        }
    }
}
