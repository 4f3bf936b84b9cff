//! What an answer other than success means, as far as it means the same everywhere. A plugin puts its own rows before.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Fault, Response};

use crate::{limit, service::Service};

impl Service {
    /// The answer, if its status is 2xx; otherwise the fault that the plugin's `own` rows give, or the
    /// [usual](Self::usual_fault) one.
    ///
    /// ```
    /// use provisionhook_plugin_abi::sdk::{Fault, Response};
    /// use provisionhook_provider_kit::service::Service;
    ///
    /// let service = Service::new("Example", "https://api.example.com");
    /// let sealed = Response::new(503, [], br#"{"sealed":true}"#);
    /// let fault = service.success(sealed, |response| {
    ///     (response.status() == 503).then(|| Fault::transient("Example is sealed; unseal it"))
    /// });
    /// assert_eq!(fault.unwrap_err().message(), "Example is sealed; unseal it");
    /// ```
    ///
    /// # Errors
    /// Every status but 2xx.
    pub fn success(
        &self,
        response: Response,
        own: impl FnOnce(&Response) -> Option<Fault>,
    ) -> Result<Response, Fault> {
        if response.is_success() {
            return Ok(response);
        }
        Err(own(&response).unwrap_or_else(|| self.usual_fault(&response, "")))
    }

    /// The fault that a status usually stands for. `quote` is the service's own word, made by
    /// [`quoted`](crate::quote::quoted), or empty.
    ///
    /// A connection that is lost never comes here: [`Outside::send`](crate::outside::Outside::send) fails then. Rate
    /// limits should go to a [`Limit`](limit::Limit) before.
    ///
    /// | status | kind |
    /// |---|---|
    /// | 3xx, 401, 404, 407 | `config` |
    /// | 403 | `denied` |
    /// | 400, 405, 406, 410 to 417, 422 | `internal`: the plugin sent what the service does not understand |
    /// | 5xx and all others | `transient`, with the wait of `Retry-After` |
    #[must_use]
    pub fn usual_fault(&self, response: &Response, quote: &str) -> Fault {
        let status = response.status();
        let field = self.url_field();
        let found = |what: &str| format!("{self} {what} (status {status}){quote}");
        match status {
            300..=399 => Fault::config(format!(
                "{}; correct {field}",
                found("answers with a redirect")
            )),
            401 => Fault::config(format!(
                "{}; renew or correct them in the config",
                found("does not accept the credentials")
            )),
            403 => Fault::denied(format!(
                "{}; grant what is missing there, and look at any proxy in between",
                found("refuses this")
            )),
            404 => Fault::config(format!(
                "{}; correct its name in the config, or {field}",
                found("does not know what was asked for")
            )),
            407 => Fault::config(format!(
                "the proxy before {}; correct `http_client.proxy` in the platform's configuration",
                found("wants other credentials")
            )),
            400 | 405 | 406 | 410..=417 | 422 => Fault::internal(format!(
                "{}; this plugin is too old for it or defective",
                found("does not understand the request")
            )),
            _ => self.out_of_order(response, quote),
        }
    }

    fn out_of_order(&self, response: &Response, quote: &str) -> Fault {
        let fault = Fault::transient(format!(
            "{self} is out of order (status {}){quote}; it will be asked again. If it stays so, {}",
            response.status(),
            self.where_to_look()
        ));
        match limit::told_wait(response, None) {
            Some(seconds) => fault.retry_after(Duration::from_secs(seconds.unsigned_abs())),
            None => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;

    #[test]
    fn each_status_has_its_kind_and_its_remedy() {
        let service =
            Service::new("Example", "https://api.example.com").status_page("https://up.example");
        let expectations = [
            (301, FaultKind::CONFIG, "redirect (status 301)"),
            (304, FaultKind::CONFIG, "correct /base_url"),
            (400, FaultKind::INTERNAL, "does not understand"),
            (401, FaultKind::CONFIG, "credentials"),
            (403, FaultKind::DENIED, "grant"),
            (404, FaultKind::CONFIG, "correct its name"),
            (407, FaultKind::CONFIG, "proxy"),
            (418, FaultKind::TRANSIENT, "status 418"),
            (422, FaultKind::INTERNAL, "status 422"),
            (429, FaultKind::TRANSIENT, "https://up.example"),
            (500, FaultKind::TRANSIENT, "out of order"),
            (700, FaultKind::TRANSIENT, "status 700"),
        ];
        for (status, kind, words) in expectations {
            let response = Response::new(status, [], "hunter2");
            let fault = service.usual_fault(&response, ": \"said so\"");
            let message = fault.message();
            assert_eq!(fault.kind(), kind, "{fault}");
            assert!(
                message.contains(words) && message.contains("Example at https://api.example.com"),
                "{fault}"
            );
            assert!(
                message.contains(": \"said so\"") && !message.contains("hunter2"),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_wait_that_was_told_is_passed_on() {
        let service = Service::new("Example", "https://api.example.com");
        let headers = [("retry-after".to_owned(), "7".to_owned())];
        let fault = service.usual_fault(&Response::new(503, headers, ""), "");
        assert_eq!(fault.retry_delay(), Some(Duration::from_secs(7)));
        let fault = service.usual_fault(&Response::new(503, [], ""), "");
        assert_eq!(fault.retry_delay(), None);
        assert!(fault.message().ends_with("ask those who run it"));
    }
}
