//! Character classes as JavaScript and markdown-it draw them; Rust's own differ at the edges.

use unicode_general_category::{GeneralCategory, get_general_category};

/// `\s` of a JavaScript regular expression, and what `String.prototype.trim` takes off
/// (<https://tc39.es/ecma262/#sec-white-space>). Unlike Rust: with U+FEFF, without U+0085.
pub(super) const fn is_js_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// Where `.` of a JavaScript regular expression stops and `$` matches in multiline mode.
pub(super) const fn is_line_terminator(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// `\w` of a JavaScript regular expression.
pub(super) const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Space or tab: what block structure counts as indentation.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Unicode whitespace of CommonMark (<https://spec.commonmark.org/0.31.2/#unicode-whitespace-character>).
pub(super) const fn is_unicode_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r'
            | ' '
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// Unicode punctuation of CommonMark: the general categories P and S.
pub(super) fn is_punctuation(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    !is_newer(c)
        && matches!(
            get_general_category(c),
            G::ConnectorPunctuation
                | G::DashPunctuation
                | G::OpenPunctuation
                | G::ClosePunctuation
                | G::InitialPunctuation
                | G::FinalPunctuation
                | G::OtherPunctuation
                | G::MathSymbol
                | G::CurrencySymbol
                | G::ModifierSymbol
                | G::OtherSymbol
        )
}

/// Punctuation that is new in Unicode 16. The editor's markdown-it has the tables of Unicode 15.1
/// (<https://github.com/markdown-it/uc.micro>) and does not know it; both must see the same emphasis.
const fn is_newer(c: char) -> bool {
    matches!(c, '\u{1b4e}'..='\u{1b4f}' | '\u{1b7f}' | '\u{2427}'..='\u{2429}' | '\u{31e4}'..='\u{31e5}' | '\u{10d6e}' | '\u{10d8e}'..='\u{10d8f}' | '\u{113d4}'..='\u{113d5}' | '\u{113d7}'..='\u{113d8}' | '\u{11be1}' | '\u{16d6d}'..='\u{16d6f}' | '\u{1cc00}'..='\u{1ccef}' | '\u{1cd00}'..='\u{1ceb3}' | '\u{1e5ff}' | '\u{1f8b2}'..='\u{1f8bb}' | '\u{1f8c0}'..='\u{1f8c1}' | '\u{1fa89}' | '\u{1fa8f}' | '\u{1fabe}' | '\u{1fac6}' | '\u{1fadc}' | '\u{1fadf}' | '\u{1fae9}' | '\u{1fbcb}'..='\u{1fbef}')
}

/// `String.prototype.trim`.
pub(super) fn js_trim(text: &str) -> &str {
    let text = text.trim_ascii();
    match text.as_bytes() {
        // Most texts are trimmed now; what else is space takes more to tell.
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(is_js_space),
    }
}

/// Trims what Markdown blocks trim: ASCII space, tab and line ends, no Unicode spaces.
pub(super) fn ascii_trim(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
}

/// The byte at `at`, 0 past the end; no source has a real 0 once it is normalized.
pub(super) fn byte_at(text: &str, at: usize) -> u8 {
    text.as_bytes().get(at).copied().unwrap_or(0)
}

/// The part of `text` between two positions, empty where they are not on character boundaries in order.
pub(super) fn slice(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to.min(text.len())).unwrap_or_default()
}

/// Without a line end after the last line, which means nothing. One after a blank line may: in code that
/// is not closed.
pub(super) fn without_last_line_end(source: &str) -> &str {
    source.strip_suffix('\n').filter(|rest| !rest.ends_with(['\n', ' ', '\t'])).unwrap_or(source)
}

/// Line ends become `\n`, NUL becomes U+FFFD (<https://spec.commonmark.org/0.31.2/#insecure-characters>).
pub(super) fn normalize(source: &str) -> std::borrow::Cow<'_, str> {
    if memchr::memchr2(b'\r', 0, source.as_bytes()).is_none() {
        return source.into();
    }
    source.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}").into()
}

/// Percent-encodes one byte.
pub(super) fn push_percent(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.push(char::from(HEX[usize::from(digit)]));
    }
}
