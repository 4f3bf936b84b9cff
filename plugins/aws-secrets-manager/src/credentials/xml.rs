//! The little of XML that STS answers with.

use zeroize::Zeroizing;

/// The text of the first element of this name. Elements of STS that matter here hold no others of the same name, and only
/// the five entities of XML.
pub(super) fn element(xml: &str, name: &str) -> Option<Zeroizing<String>> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        let (entity, behind) = behind.split_once(';')?;
        plain.push_str(before);
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        });
        rest = behind;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_entities_replaced() {
        let xml = "<A xmlns=\"x\"><B><Code>a&amp;b &lt;c&gt;</Code><Empty></Empty></B></A>";
        let text = |name| element(xml, name).map(|text| text.to_string());
        assert_eq!(text("Code").as_deref(), Some("a&b <c>"));
        assert_eq!(text("Empty").as_deref(), Some(""));
        assert_eq!(text("Cod"), None);
        assert_eq!(element("<A>&x;</A>", "A"), None);
        assert_eq!(element("<A>x", "A"), None);
    }
}
