//! Region and endpoints.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{base_url::BaseUrl, environment::Environment};

/// Where AWS is. What the config does not say may come of the environment, if the config says that.
#[derive(Debug)]
pub struct Place {
    region: Option<String>,
    endpoint: Option<BaseUrl>,
    sts_endpoint: Option<BaseUrl>,
}

impl Place {
    /// # Errors
    /// A region that is none.
    pub(super) fn new(
        region: Option<String>,
        endpoint: Option<BaseUrl>,
        sts_endpoint: Option<BaseUrl>,
    ) -> Result<Self, Fault> {
        if let Some(region) = &region {
            check(region, "/region")?;
        }
        Ok(Self {
            region,
            endpoint,
            sts_endpoint,
        })
    }

    /// Fills what the config leaves out with what the variables say, as AWS's own tools read them.
    ///
    /// # Errors
    /// A variable that is no region or no URL.
    pub(crate) fn or_environment(mut self, environment: &Environment) -> Result<Self, Fault> {
        if self.region.is_none() {
            self.region = environment
                .get("AWS_REGION")
                .or_else(|| environment.get("AWS_DEFAULT_REGION"));
            if let Some(region) = &self.region {
                check(region, "AWS_REGION")?;
            }
        }
        if environment.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return Ok(self);
        }
        let url = |own| {
            let found = [own, "AWS_ENDPOINT_URL"]
                .into_iter()
                .find_map(|name| Some((name, environment.get(name)?)));
            found
                .map(|(name, text)| BaseUrl::parse(&text, name, "the URL of an endpoint"))
                .transpose()
        };
        if self.endpoint.is_none() {
            self.endpoint = url("AWS_ENDPOINT_URL_SECRETS_MANAGER")?;
        }
        if self.sts_endpoint.is_none() {
            self.sts_endpoint = url("AWS_ENDPOINT_URL_STS")?;
        }
        Ok(self)
    }

    /// The same place, in this region unless another one is set.
    ///
    /// # Errors
    /// A region that is none.
    pub(crate) fn or_region(mut self, region: Option<String>) -> Result<Self, Fault> {
        if let (None, Some(region)) = (&self.region, region) {
            check(&region, "region of the profile")?;
            self.region = Some(region);
        }
        Ok(self)
    }

    /// # Errors
    /// Nothing said which.
    pub(crate) fn region(&self) -> Result<&str, Fault> {
        self.region.as_deref().ok_or_else(|| {
            Fault::config("/region: expected the region of the secrets, such as eu-central-1, found none there, in AWS_REGION or in the profile")
        })
    }

    /// Where Secrets Manager is.
    ///
    /// # Errors
    /// No region.
    pub(crate) fn secrets_manager(&self) -> Result<BaseUrl, Fault> {
        self.of("secretsmanager", self.endpoint.as_ref())
    }

    /// Where STS is. An emulator on this machine has everything at one URL.
    ///
    /// # Errors
    /// No region.
    pub(crate) fn sts(&self) -> Result<BaseUrl, Fault> {
        let emulator = self
            .endpoint
            .as_ref()
            .filter(|endpoint| endpoint.is_loopback());
        self.of("sts", self.sts_endpoint.as_ref().or(emulator))
    }

    /// # Errors
    /// No region.
    fn of(&self, service: &str, set: Option<&BaseUrl>) -> Result<BaseUrl, Fault> {
        if let Some(url) = set {
            return Ok(url.clone());
        }
        let region = self.region()?;
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        BaseUrl::parse(
            &format!("https://{service}.{region}.{suffix}"),
            "/region",
            "a region of AWS",
        )
    }
}

/// # Errors
/// It cannot be a region's name.
fn check(region: &str, field: &str) -> Result<(), Fault> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || region.len() > 40 || !region.bytes().all(plain) {
        return Err(Fault::config(format!(
            "{field}: expected a region such as eu-central-1, found {region:?}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: Option<&str>, endpoint: Option<&str>) -> Place {
        let endpoint = endpoint.map(|url| BaseUrl::parse(url, "/endpoint", "").unwrap());
        Place::new(region.map(str::to_owned), endpoint, None).unwrap()
    }

    fn urls(place: &Place) -> (String, String) {
        (
            place.secrets_manager().unwrap().to_string(),
            place.sts().unwrap().to_string(),
        )
    }

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    #[test]
    fn endpoints_follow_the_region_and_its_partition() {
        assert_eq!(
            urls(&place(Some("eu-central-1"), None)),
            pair(
                "https://secretsmanager.eu-central-1.amazonaws.com",
                "https://sts.eu-central-1.amazonaws.com"
            )
        );
        assert_eq!(
            urls(&place(Some("cn-north-1"), None)),
            pair(
                "https://secretsmanager.cn-north-1.amazonaws.com.cn",
                "https://sts.cn-north-1.amazonaws.com.cn"
            )
        );
        assert_eq!(
            urls(&place(Some("x"), Some("http://127.0.0.1:1"))),
            pair("http://127.0.0.1:1", "http://127.0.0.1:1")
        );
        assert_eq!(
            urls(&place(Some("x"), Some("https://vpce.example"))),
            pair("https://vpce.example", "https://sts.x.amazonaws.com")
        );
        assert!(place(None, None).region().is_err());
    }

    #[test]
    fn variables_fill_what_the_config_leaves_out() {
        let environment = |ignored: &'static str| {
            Environment::from_fn(move |name| match name {
                "AWS_DEFAULT_REGION" => Some("us-west-2".to_owned()),
                "AWS_ENDPOINT_URL" => Some("https://all.example".to_owned()),
                "AWS_ENDPOINT_URL_SECRETS_MANAGER" => Some("https://secrets.example".to_owned()),
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" => Some(ignored.to_owned()),
                _ => None,
            })
        };
        let filled = place(None, None).or_environment(&environment("")).unwrap();
        assert_eq!(
            urls(&filled),
            pair("https://secrets.example", "https://all.example")
        );
        assert_eq!(filled.region(), Ok("us-west-2"));
        let kept = place(Some("x"), Some("https://own.example"))
            .or_environment(&environment(""))
            .unwrap();
        assert_eq!(
            (urls(&kept).0.as_str(), kept.region()),
            ("https://own.example", Ok("x"))
        );
        let ignored = place(None, None)
            .or_environment(&environment("TRUE"))
            .unwrap();
        assert_eq!(
            urls(&ignored).0,
            "https://secretsmanager.us-west-2.amazonaws.com"
        );
        let bad = Environment::from_fn(|name| (name == "AWS_REGION").then(|| "a/b".to_owned()));
        assert!(place(None, None).or_environment(&bad).is_err());
    }
}
