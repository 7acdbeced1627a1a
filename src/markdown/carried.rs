//! What a text loses when it is read, and yet a document carries: somebody typed it there, as text.
//!
//! The editor's serializer escapes neither `<` nor a character reference, so a draft may say `<b>` where the document
//! has these three characters. Read again, the draft is said to lose HTML; the document that it came from has it all.

use std::collections::HashMap;

use super::{Lost, check_lossless, parse};

/// Of what a text was found to lose, that which is not lost in the same words by another text, whose content is
/// known to be in the document.
pub(crate) fn not_carried(text: &str, lost: Vec<Lost>, carried: &str) -> Vec<Lost> {
    if lost.is_empty() {
        return lost;
    }
    let mut left: HashMap<_, usize> = HashMap::new();
    for lost in check_lossless(carried, &parse(carried)) {
        for piece in pieces(carried, &lost) {
            *left.entry((lost.kind, piece)).or_default() += 1;
        }
    }
    let mut take = |kind, piece| {
        let count = left.get_mut(&(kind, piece)).filter(|count| **count > 0);
        count.map(|count| *count -= 1).is_some()
    };
    let mut is_carried = |lost: &Lost| pieces(text, lost).into_iter().all(|piece| take(lost.kind, piece));
    lost.into_iter().filter(|lost| !is_carried(lost)).collect()
}

/// What is lost, to be compared. Of a line with HTML in it that are the tags: what stands between them is kept.
fn pieces<'a>(text: &'a str, lost: &Lost) -> Vec<&'a str> {
    let first = lost.first_line.saturating_sub(1) as usize;
    let count = (lost.last_line.saturating_sub(lost.first_line) + 1) as usize;
    let lines = text.lines().skip(first).take(count).map(str::trim);
    if lost.kind != "html_inline" {
        return lines.filter(|line| !line.is_empty()).collect();
    }
    lines.flat_map(|line| line.split('<').skip(1)).filter_map(|tag| tag.split('>').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str, carried: &str) -> Vec<&'static str> {
        let lost = check_lossless(text, &parse(text));
        not_carried(text, lost, carried).iter().map(|lost| lost.kind).collect()
    }

    #[test]
    fn what_the_document_has_as_text_is_not_lost() {
        for (text, carried) in [
            ("a <b> c", "x\n\na <b> d"),
            ("a\n\n<div>\nb\n\nc", "a\n\n<div>\nb"),
            ("<!-- x -->", "<!-- x -->"),
            ("1. a\n\n1) b", "1. a\n\n1) b"),
        ] {
            assert_eq!(kinds(text, carried), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn what_comes_beside_it_is_lost() {
        for (text, carried, kind) in [
            ("a <b> c", "a c", "html_inline"),
            ("a <b> c <i>", "a <b> c", "html_inline"),
            ("a <b> c\n\n<b> d", "a <b> c", "html_inline"),
            ("a\n\n<div>\nb c", "a\n\n<div>\nb", "html_block"),
            ("<!-- x -->\n\n<!-- y -->", "<!-- x -->", "html_block"),
        ] {
            assert!(kinds(text, carried).contains(&kind), "{text:?}");
        }
    }
}
