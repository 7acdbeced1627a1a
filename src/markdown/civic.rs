//! References to records, places and attachments: `<!--civic-ref type="T" id="I" label="L"-->`.

use std::borrow::Cow;

use serde_json::Value;

use super::attrs::Attrs;
use super::chars::is_js_space;

const BEGIN: &str = "<!--civic-ref";

/// So that room for one is made once.
const USUAL_LEN: usize = 128;

const TYPES: [&str; 3] = ["record", "geography", "attachment"];

/// The attributes of the reference that is exactly this HTML.
pub(super) fn parse(html: &str) -> Option<Attrs> {
    let rest = html.strip_prefix(BEGIN)?.strip_suffix("-->")?;
    let (ref_type, rest) = attribute(rest, "type")?;
    let (id, rest) = attribute(rest, "id")?;
    let (label, rest) = attribute(rest, "label")?;
    let ref_type = TYPES.into_iter().find(|known| *known == ref_type).unwrap_or("record");
    rest.is_empty().then(|| {
        Attrs::from([
            ("id", unescape(id).into()),
            ("label", unescape(label).into()),
            ("refType", ref_type.into()),
        ])
    })
}

/// Whether a line begins with a reference that is whole.
pub(super) fn starts_with_reference(line: &str) -> bool {
    line.starts_with(BEGIN) && line.find("-->").is_some_and(|end| parse(&line[..end + 3]).is_some())
}

/// The reference as HTML.
pub(super) fn serialize(attrs: &Attrs) -> String {
    let mut html = String::with_capacity(USUAL_LEN);
    html.push_str(BEGIN);
    for (name, attr) in [("type", "refType"), ("id", "id"), ("label", "label")] {
        let value = attrs.get(attr).and_then(Value::as_str).unwrap_or_default();
        html.extend([" ", name, "=\"", &escape(value), "\""]);
    }
    html.push_str("-->");
    html
}

/// Space, the name, and a value in double quotes; the value and what comes after it.
fn attribute<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let trimmed = text.trim_start_matches(is_js_space);
    if trimmed.len() == text.len() {
        return None;
    }
    trimmed.strip_prefix(name)?.strip_prefix("=\"")?.split_once('"')
}

/// A quote would end the value, two dashes the comment.
fn escape(value: &str) -> Cow<'_, str> {
    if !value.contains('"') && !value.as_bytes().windows(2).any(|pair| pair == b"--") {
        return value.into();
    }
    value.replace('"', "&quot;").replace("--", "&#45;&#45;").into()
}

fn unescape(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    value.replace("&quot;", "\"").replace("&#45;&#45;", "--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        let html = r#"<!--civic-ref type="geography" id="g&#45;&#45;1" label="Le &quot;Vieux&quot; port"-->"#;
        let attrs = parse(html).unwrap();
        assert_eq!(attrs["refType"], "geography");
        assert_eq!(attrs["id"], "g--1");
        assert_eq!(attrs["label"], "Le \"Vieux\" port");
        assert_eq!(serialize(&attrs), html);
    }

    #[test]
    fn an_unknown_type_is_a_record() {
        assert_eq!(parse(r#"<!--civic-ref type="x" id="1" label=""-->"#).unwrap()["refType"], "record");
    }

    #[test]
    fn other_comments_are_no_references() {
        for html in [
            "<!-- a note -->",
            r#"<!--civic-ref id="1" type="record" label=""-->"#,
            r#"<!--civic-ref type="record" id="1"-->"#,
            r#"<!--civic-ref type="record" id="1" label="" -->"#,
        ] {
            assert_eq!(parse(html), None, "{html}");
            assert!(!starts_with_reference(html));
        }
    }
}
