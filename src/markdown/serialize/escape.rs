//! What is escaped so that text does not read as Markdown.

use std::borrow::Cow;

use super::super::chars::{is_js_space, is_word};

/// Text with a backslash before every character that could mean something.
pub(super) fn escape(text: &str, at_block_start: bool) -> Cow<'_, str> {
    if is_plain(text) && !(at_block_start && may_begin_block(text)) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let special = match c {
            '`' | '*' | '\\' | '~' | '[' | ']' => true,
            // Within a word an underscore is no emphasis.
            '_' => !(before.is_some_and(is_word) && chars.peek().copied().is_some_and(is_word)),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        before = Some(c);
    }
    if at_block_start { escape_block_start(out).into() } else { out.into() }
}

/// Most text has none of the characters that are ever escaped.
fn is_plain(text: &str) -> bool {
    // To look at all of it takes less time than to stop: this way many bytes are looked at at once.
    let is_special = |byte: u8| matches!(byte, b'`' | b'*' | b'\\' | b'~' | b'[' | b']' | b'_');
    !text.bytes().fold(false, |found, byte| found | is_special(byte))
}

/// A text that begins with a letter begins no other block than its own.
fn may_begin_block(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| !byte.is_ascii_alphabetic())
}

/// What means something at the beginning of a block only: markers of lists, quotes and headings.
fn escape_block_start(mut text: String) -> String {
    if text.starts_with("+ ") || text.starts_with(['-', '*', '>']) {
        text.insert(0, '\\');
    }
    let start = text.len() - text.trim_start_matches(is_js_space).len();
    let rest = &text[start..];
    let hashes = rest.bytes().take_while(|&byte| byte == b'#').count();
    let after = &rest[hashes..];
    if (1..=6).contains(&hashes) && (after.is_empty() || after.starts_with(is_js_space)) {
        text.insert(start, '\\');
        return text;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mut after = rest[digits..].chars();
    if digits > 0
        && after.next() == Some('.')
        && let Some(space) = after.next().filter(|&c| is_js_space(c))
    {
        let dot = start + digits;
        text.replace_range(dot..dot + 1 + space.len_utf8(), "\\. ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_text() {
        for (text, expected) in [
            ("a*b", "a\\*b"),
            ("snake_case", "snake_case"),
            ("_x_", "\\_x\\_"),
            ("é_à", "é\\_à"),
            ("[^1] `~\\", "\\[^1\\] \\`\\~\\\\"),
            ("# a", "# a"),
        ] {
            assert_eq!(escape(text, false), expected);
        }
    }

    #[test]
    fn at_the_beginning_of_a_block() {
        for (text, expected) in [
            ("# a", "\\# a"),
            ("##", "\\##"),
            ("#a", "#a"),
            ("- a", "\\- a"),
            ("-a", "\\-a"),
            ("> a", "\\> a"),
            ("+ a", "\\+ a"),
            ("+a", "+a"),
            ("12. a", "12\\. a"),
            ("12.\ta", "12\\. a"),
            ("12.a", "12.a"),
            ("* a", "\\* a"),
        ] {
            assert_eq!(escape(text, true), expected);
        }
    }
}
