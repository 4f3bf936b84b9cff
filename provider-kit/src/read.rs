//! Reads JSON answers, with a fault that repeats nothing of them: they may hold a token.

use provisionhook_plugin_abi::sdk::{Fault, Response};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::service::Service;

impl Service {
    /// The documented fields of an answer; make `T` ignore all others.
    ///
    /// # Errors
    /// A `transient` fault, which names the place in the body but shows nothing of it.
    pub fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T, Fault> {
        serde_json::from_slice(response.body()).map_err(|error| {
            let expected = match error.classify() {
                Category::Data => "the documented fields",
                Category::Io | Category::Syntax | Category::Eof => "JSON",
            };
            Fault::transient(format!(
                "expected {expected} from {self} (status {}), found something else at line {} column {} of {} bytes; \
                 if it stays so, look for a proxy or a login page in between",
                response.status(),
                error.line(),
                error.column(),
                response.body().len()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Shown {
        token: String,
    }

    /// # Errors
    /// See [`Service::read`].
    fn read(body: &str) -> Result<Shown, Fault> {
        Service::new("Example", "https://api.example.com").read(&Response::new(201, [], body))
    }

    #[test]
    fn fields_are_read_and_nothing_is_repeated() {
        assert_eq!(
            read(r#"{"token":"t","more":[]}"#).unwrap().token,
            "t",
            "other fields are ignored"
        );
        for (body, expected) in [
            ("<html>hunter2", "expected JSON"),
            (r#"{"token":"hunter2"#, "expected JSON"),
            (r#"{"tokens":"hunter2"}"#, "expected the documented fields"),
            (r#"{"token":["hunter2"]}"#, "expected the documented fields"),
        ] {
            let fault = read(body).unwrap_err();
            assert!(fault.message().contains(expected), "{fault}");
            assert!(
                fault.message().contains("status 201") && !fault.message().contains("hunter2"),
                "{fault}"
            );
        }
    }
}
