//! The git credential helper protocol: attributes on standard input, attributes on standard output.
//!
//! See `git help credential` and gitcredentials(7). No network here, so that it can be tested as text.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// What git asks about.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) protocol: String,
    /// With the port, if git gave one.
    pub(crate) host: String,
    /// Only with `credential.useHttpPath=true`.
    pub(crate) path: Option<String>,
    /// Only for `store` and `erase`; from `password`, or out of the `credential` that a newer git gives back.
    pub(crate) password: Option<Zeroizing<String>>,
    /// The caller takes `authtype` and `credential` (git 2.46 and newer).
    pub(crate) authtype: bool,
}

/// What the platform answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) username: String,
    pub(crate) password: Zeroizing<String>,
    /// Seconds since 1970 UTC.
    pub(crate) expires_at: Option<i64>,
}

impl Request {
    /// Reads the attributes; unknown ones are for somebody else.
    pub(crate) fn parse(text: &str) -> Self {
        let mut request = Self::default();
        for (key, value) in text
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once('='))
        {
            match key {
                "protocol" => request.protocol = value.to_owned(),
                "host" => request.host = value.to_owned(),
                "path" => request.path = Some(value.to_owned()),
                "password" => request.password = Some(Zeroizing::new(value.to_owned())),
                "credential" => request.password = password_of(value),
                "capability[]" if value == "authtype" => request.authtype = true,
                _ => {}
            }
        }
        request
    }

    /// Whether a token may go to this place: one of the hosts that the platform serves, over TLS or on this machine.
    pub(crate) fn is_for(&self, hosts: &[String]) -> bool {
        let name = self
            .host
            .rsplit_once(':')
            .map_or(self.host.as_str(), |(name, _)| name);
        let on_this_machine = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
        let transport = self.protocol == "https" || (self.protocol == "http" && on_this_machine);
        transport
            && hosts.iter().any(|host| {
                host.eq_ignore_ascii_case(&self.host) || host.eq_ignore_ascii_case(name)
            })
    }

    /// `owner/name`, if git sent a path that names a repository.
    pub(crate) fn repository(&self) -> Option<String> {
        let path = self.path.as_deref()?.trim_matches('/');
        let mut parts = path.split('/');
        let (owner, name) = (parts.next()?, parts.next()?);
        let name = name.strip_suffix(".git").unwrap_or(name);
        (!owner.is_empty() && !name.is_empty()).then(|| format!("{owner}/{name}"))
    }
}

impl Answer {
    /// The attributes for git. The expiry makes git drop a dead token by itself; `ephemeral`, for a caller that
    /// understands it, keeps other helpers from storing what will soon be worthless.
    pub(crate) fn to_attributes(&self, authtype: bool) -> Zeroizing<String> {
        let (username, password) = (&self.username, self.password.as_str());
        let mut text = Zeroizing::new(if authtype {
            let pair = Zeroizing::new(format!("{username}:{password}"));
            let credential = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
            format!(
                "capability[]=authtype\nauthtype=Basic\ncredential={}\nephemeral=1\n",
                *credential
            )
        } else {
            format!("username={username}\npassword={password}\n")
        });
        if let Some(at) = self.expires_at {
            text.push_str(&format!("password_expiry_utc={at}\n"));
        }
        text
    }
}

/// The password in `base64(username:password)`, as [`Answer::to_attributes`] writes it.
fn password_of(credential: &str) -> Option<Zeroizing<String>> {
    let pair = Zeroizing::new(STANDARD.decode(credential).ok()?);
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some(Zeroizing::new(password.to_owned()))
}

/// What this helper can do, for `git credential capability`.
pub(crate) const CAPABILITIES: &str = "version 0\ncapability authtype\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        Request::parse(text)
    }

    #[test]
    fn reads_the_attributes_until_the_empty_line() {
        let request = request(
            "capability[]=authtype\nprotocol=https\nhost=github.com\npath=o/r.git\n\nhost=evil\n",
        );
        assert_eq!(request.host, "github.com");
        assert!(request.authtype);
        assert_eq!(request.repository().as_deref(), Some("o/r"));
    }

    #[test]
    fn a_token_goes_to_no_other_host_and_not_in_clear() {
        let hosts = ["github.com".to_owned()];
        assert!(request("protocol=https\nhost=github.com\n").is_for(&hosts));
        assert!(request("protocol=https\nhost=GitHub.com:443\n").is_for(&hosts));
        assert!(!request("protocol=http\nhost=github.com\n").is_for(&hosts));
        assert!(!request("protocol=https\nhost=github.com.evil.example\n").is_for(&hosts));
        assert!(!request("").is_for(&hosts));
        assert!(
            request("protocol=http\nhost=127.0.0.1:8080\n").is_for(&["127.0.0.1:8080".to_owned()])
        );
    }

    #[test]
    fn the_password_is_found_in_what_git_gives_back() {
        let password = |text| request(text).password.map(|password| password.to_string());
        assert_eq!(password("password=p=q\n").as_deref(), Some("p=q"));
        assert_eq!(
            password("authtype=Basic\ncredential=eDpw\n").as_deref(),
            Some("p")
        );
        assert_eq!(password("credential=not base64\n"), None);
    }

    #[test]
    fn an_answer_carries_its_expiry() {
        let answer = Answer {
            username: "x".to_owned(),
            password: Zeroizing::new("p".to_owned()),
            expires_at: Some(7),
        };
        assert_eq!(
            answer.to_attributes(false).as_str(),
            "username=x\npassword=p\npassword_expiry_utc=7\n"
        );
        let modern = answer.to_attributes(true);
        assert!(
            modern.contains("credential=eDpw\n") && modern.contains("ephemeral=1\n"),
            "{}",
            *modern
        );
    }
}
