//! Character references and backslash escapes (<https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references>).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::chars::{byte_at, slice};

/// HTML's named references, from `&name` (with `;` where the standard has it) to the characters.
static NAMED: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| entities::ENTITIES.iter().map(|entity| (entity.entity, entity.characters)).collect());

/// The longest name after `&` that is looked at, as in markdown-it.
const NAME_LEN_MAX: usize = 32;

/// The reference that `text` begins with in running text: its length and what it stands for.
pub(super) fn reference(text: &str) -> Option<(usize, String)> {
    if byte_at(text, 1) != b'#' {
        let end = name_end(text)?;
        return NAMED.get(&text[..end]).map(|characters| (end, (*characters).to_owned()));
    }
    let hex = matches!(byte_at(text, 2), b'x' | b'X');
    let start = if hex { 3 } else { 2 };
    let (radix, len_max) = if hex { (16, 6) } else { (10, 7) };
    let len = digits(text, start, radix);
    if !(1..=len_max).contains(&len) || byte_at(text, start + len) != b';' {
        return None;
    }
    let code = u32::from_str_radix(slice(text, start, start + len), radix).ok()?;
    Some((start + len + 1, valid(code).unwrap_or('\u{fffd}').to_string()))
}

/// Text of a destination or a title: backslash escapes and references are replaced.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\\' | b'&')) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with('\\') {
            let escaped = byte_at(rest, 1).is_ascii_punctuation();
            escaped.then(|| (2, slice(rest, 1, 2).to_owned()))
        } else {
            lenient_reference(rest)
        };
        let (len, replacement) = taken.unwrap_or_else(|| (1, rest[..1].to_owned()));
        out.push_str(&replacement);
        rest = &rest[len..];
    }
    out.push_str(rest);
    out.into()
}

/// A reference as destinations and titles know it: whatever HTML takes, even when the name only begins
/// with one of the old names that need no semicolon.
fn lenient_reference(text: &str) -> Option<(usize, String)> {
    let end = if byte_at(text, 1) == b'#' { 2 + alphanumerics(text, 2) } else { name_end(text)? - 1 };
    if byte_at(text, end) != b';' || !(3..=NAME_LEN_MAX + 1).contains(&end) {
        return None;
    }
    let whole = &text[..=end];
    let decoded = if byte_at(text, 1) == b'#' { numeric(whole) } else { named_or_prefix(whole) };
    decoded.map(|decoded| (end + 1, decoded))
}

fn named_or_prefix(whole: &str) -> Option<String> {
    if let Some(characters) = NAMED.get(whole) {
        return Some((*characters).to_owned());
    }
    (2..whole.len()).rev().find_map(|len| {
        let characters = NAMED.get(&whole[..len])?;
        Some(format!("{characters}{}", &whole[len..]))
    })
}

fn numeric(whole: &str) -> Option<String> {
    let hex = matches!(byte_at(whole, 2), b'x' | b'X');
    let start = if hex { 3 } else { 2 };
    let radix = if hex { 16 } else { 10 };
    let len = digits(whole, start, radix);
    let code = u32::from_str_radix(slice(whole, start, start + len), radix);
    if len == 0 {
        return None;
    }
    if len <= 8 && byte_at(whole, start + len) == b';' {
        return valid(code.ok()?).map(String::from);
    }
    let decoded = code.ok().map_or('\u{fffd}', replaced);
    let after = slice(whole, start + len, whole.len());
    Some(format!("{decoded}{}", after.strip_prefix(';').unwrap_or(after)))
}

/// The end of `&name;`.
fn name_end(text: &str) -> Option<usize> {
    let len = alphanumerics(text, 1);
    let fits = byte_at(text, 1).is_ascii_alphabetic()
        && (2..=NAME_LEN_MAX).contains(&len)
        && byte_at(text, 1 + len) == b';';
    fits.then_some(1 + len + 1)
}

fn alphanumerics(text: &str, from: usize) -> usize {
    text.bytes().skip(from).take_while(u8::is_ascii_alphanumeric).count()
}

fn digits(text: &str, from: usize, radix: u32) -> usize {
    text.bytes().skip(from).take_while(|&byte| char::from(byte).is_digit(radix)).count()
}

/// The character of a code, unless it is one that no document should have.
fn valid(code: u32) -> Option<char> {
    let refused = matches!(code, 0x0..=0x8 | 0xb | 0xe..=0x1f | 0x7f..=0x9f | 0xfdd0..=0xfdef)
        || matches!(code & 0xffff, 0xfffe | 0xffff);
    if refused { None } else { char::from_u32(code) }
}

/// The character of a code as HTML replaces it: the C1 range means windows-1252
/// (<https://html.spec.whatwg.org/multipage/parsing.html#numeric-character-reference-end-state>).
fn replaced(code: u32) -> char {
    #[rustfmt::skip]
    const WINDOWS_1252: [u32; 32] = [
        0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d,
        0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d,
        0x17e, 0x178,
    ];
    let code = match code {
        0 => 0xfffd,
        0x80..=0x9f => WINDOWS_1252.get(code as usize - 0x80).copied().unwrap_or(code),
        _ => code,
    };
    char::from_u32(code).unwrap_or('\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_in_text() {
        for (text, expected) in [
            ("&eacute;t", Some((8, "é"))),
            ("&#233;", Some((6, "é"))),
            ("&#xE9;", Some((6, "é"))),
            ("&#0;", Some((4, "\u{fffd}"))),
            ("&NotEqualTilde;", Some((15, "≂̸"))),
            ("&copy", None),
            ("&nosuch;", None),
            ("&#;", None),
            ("&#12345678;", None),
        ] {
            assert_eq!(reference(text), expected.map(|(len, text)| (len, text.to_owned())), "{text}");
        }
    }

    #[test]
    fn destinations_unescape_more() {
        assert_eq!(unescape(r"a\(b\)&amp;c\d &copyfoo; &x"), r"a(b)&c\d ©foo; &x");
    }
}
