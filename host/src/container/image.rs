//! The name of an image: the grammar of the distribution project's `reference` package, as engines and clusters read it.

use std::{fmt, str::FromStr, sync::LazyLock};

use regex::Regex;
use schemars::{Schema, json_schema};
use serde::{Deserialize, Serialize};

/// The longest name, with host and without tag and digest, in bytes.
const MAX_NAME: usize = 255;

/// `[HOST[:PORT]/]NAME[/NAME…][:TAG][@DIGEST]`, with the name for a group.
fn reference() -> String {
    let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
    let host = format!(r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?");
    let part = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    let tag = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}";
    let digest = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}";
    format!("((?:{host}/)?{part}(?:/{part})*)(?::{tag})?(?:@(?:{digest}))?")
}

/// The same, and nothing before or behind it.
#[expect(
    clippy::expect_used,
    reason = "the pattern is fixed, and a test compiles it"
)]
static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"\A{}\z", reference())).expect("a pattern"));

/// The name of an image, such as `ghcr.io/acme/agent:3` or `agent@sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Image(
    /// INVARIANT: matches [`REFERENCE`], and an engine takes it.
    String,
);

/// A text that names no image. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an image such as `ghcr.io/acme/agent:3` or `agent@sha256:…`, found something else: correct it"
)]
pub struct NoImage;

impl Image {
    pub(crate) fn schema() -> Schema {
        let short = format!("(?=.{{1,{MAX_NAME}}}(?::[^/:@]*)?(?:@.*)?$)");
        let no_id = "(?![0-9a-fA-F]{64}(?:[:@]|$))";
        let pattern = format!("^{short}{no_id}{}$", reference());
        json_schema!({"type": "string", "pattern": pattern})
    }
}

impl FromStr for Image {
    type Err = NoImage;

    fn from_str(text: &str) -> Result<Self, NoImage> {
        let found = REFERENCE.captures(text).and_then(|found| found.get(1));
        let name = found.ok_or(NoImage)?.as_str();
        // It would be taken for the id of an image.
        let is_id = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.len() > MAX_NAME || is_id {
            return Err(NoImage);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Image {
    type Error = NoImage;

    fn try_from(text: String) -> Result<Self, NoImage> {
        text.parse()
    }
}

impl From<Image> for String {
    fn from(image: Image) -> Self {
        image.0
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_kept_as_they_are() {
        let digest = format!("agent:1@sha256:{}", "a1".repeat(32));
        let longest = "a".repeat(MAX_NAME);
        let longest_tag = format!("a:{}", "b".repeat(128));
        for good in [
            "agent",
            "acme/agent:v1.2_x",
            "ghcr.io/acme/a-b_c.d/e__f--g:3",
            "localhost/a",
            "h.io:443/a",
            "[::1]:5000/a",
            "Registry/a:_A.b-",
            &digest,
            &longest,
            &longest_tag,
        ] {
            let image = good.parse::<Image>();
            assert_eq!(image.map(String::from).as_deref(), Ok(good));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let long = "a".repeat(MAX_NAME + 1);
        let long_tag = format!("a:{}", "b".repeat(129));
        let short_digest = format!("a@sha256:{}", "a1".repeat(31));
        let other_digest = format!("a@md5:{}", "a1".repeat(16));
        let id = "a1".repeat(32);
        for bad in [
            "",
            " ",
            "Agent",
            "a b",
            "a:",
            "a:b:c",
            "a:-b",
            "a/",
            "/a",
            "a//b",
            "-a",
            "a-",
            "a..b",
            "a._b",
            "a___b",
            "..",
            "../a",
            "a/../b",
            "h..io:1/a",
            "-h.io/a",
            "h.io:x/a",
            "h.io:/a",
            "http://x/a",
            "a@",
            "a@sha256:zz",
            "a;rm",
            "a$(id)",
            "a\n",
            "\na",
            "a\0",
            "ａgent",
            "agent:１",
            &long,
            &long_tag,
            &short_digest,
            &other_digest,
            &id,
        ] {
            assert_eq!(bad.parse::<Image>(), Err(NoImage), "{bad:?}");
        }
    }
}
