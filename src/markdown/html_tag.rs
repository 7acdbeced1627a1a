//! Open and closing HTML tags, as CommonMark knows them (<https://spec.commonmark.org/0.31.2/#raw-html>).

use super::chars::{byte_at, is_js_space};

/// The end of the tag that `text` begins with.
pub(super) fn tag_end(text: &str) -> Option<usize> {
    let name_end = tag_name_end(text)?;
    let at = skip_space(text, name_end);
    if text.starts_with("</") {
        return (byte_at(text, at) == b'>').then_some(at + 1);
    }
    let mut end = name_end;
    while let Some(next) = attribute_end(text, end) {
        end = next;
    }
    let mut at = skip_space(text, end);
    if byte_at(text, at) == b'/' {
        at += 1;
    }
    (byte_at(text, at) == b'>').then_some(at + 1)
}

/// The end of the tag's name.
fn tag_name_end(text: &str) -> Option<usize> {
    let start = if text.starts_with("</") { 2 } else { 1 };
    if byte_at(text, 0) != b'<' || !byte_at(text, start).is_ascii_alphabetic() {
        return None;
    }
    Some(skip(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The end of an attribute: space, a name, perhaps a value.
fn attribute_end(text: &str, from: usize) -> Option<usize> {
    let name = skip_space(text, from);
    let first = byte_at(text, name);
    if name == from || !(first.is_ascii_alphabetic() || matches!(first, b'_' | b':')) {
        return None;
    }
    let name_end =
        skip(text, name, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.' | b'-'));
    let equals = skip_space(text, name_end);
    if byte_at(text, equals) != b'=' {
        return Some(name_end);
    }
    Some(value_end(text, skip_space(text, equals + 1)).unwrap_or(name_end))
}

fn value_end(text: &str, start: usize) -> Option<usize> {
    match byte_at(text, start) {
        quote @ (b'"' | b'\'') => {
            let len = text.as_bytes().get(start + 1..)?.iter().position(|&byte| byte == quote)?;
            Some(start + 1 + len + 1)
        }
        _ => {
            let end = skip(text, start, |byte| {
                byte > b' ' && !matches!(byte, b'"' | b'\'' | b'=' | b'<' | b'>' | b'`')
            });
            (end > start).then_some(end)
        }
    }
}

fn skip(text: &str, mut at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    while at < text.len() && wanted(byte_at(text, at)) {
        at += 1;
    }
    at
}

fn skip_space(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.len() - rest.trim_start_matches(is_js_space).len()
}
