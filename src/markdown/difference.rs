//! What one text says and another one does not, whoever made the other of it.

use super::lossless::{stored, structure_lost};
use super::{Lost, parse};

/// What of a source is not in the text that somebody else rendered of it: as this parser reads both, in their
/// documents and in what no document can have. Spaces, bullets and the like may differ.
pub fn lost_between(source: &str, rendered: &str) -> Vec<Lost> {
    let (before, after) = (parse(source), parse(rendered));
    let mut kept: Vec<_> = after.lost.iter().map(|left| (left.kind, words(rendered, left))).collect();
    let mut lost = Vec::new();
    for left in &before.lost {
        match kept.iter().position(|kept| *kept == (left.kind, words(source, left))) {
            Some(place) => drop(kept.swap_remove(place)),
            None => lost.push(left.clone()),
        }
    }
    lost.extend(structure_lost(source, &before, &stored(&before.doc), &stored(&after.doc)));
    lost
}

/// The words on the lines that were left out.
fn words<'a>(text: &'a str, left: &Lost) -> Vec<&'a str> {
    let first = left.first_line.saturating_sub(1) as usize;
    let count = (left.last_line.saturating_sub(left.first_line) + 1) as usize;
    let lines = text.lines().skip(first).take(count);
    lines
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spelling_loses_nothing() {
        for (source, rendered) in [
            ("a  \n\n\n* b\n* c\n", "a\n\n- b\n- c"),
            ("Title\n=====\n\n__b__ *i*", "# Title\n\n**b** _i_"),
            ("[a]\n\n[a]: /x", "[a](/x)"),
            ("<div>note</div>\n\na", "<div>note</div>\n\na\n"),
            ("| a |\n|---|\n| b |", "| a   |\n| --- |\n| b   |"),
            ("1. a\n1. b", "1. a\n2. b"),
            ("a &amp; b", "a & b"),
        ] {
            assert_eq!(lost_between(source, rendered), [], "{source:?}");
        }
    }

    #[test]
    fn what_is_lost_is_named_with_its_lines() {
        for (source, rendered, first_line, last_line, kind) in [
            ("a\n\n<div>note</div>\n\nb", "a\n\nb", 3, 3, "html_block"),
            ("a\n\n<div>note</div>\n\nb", "a\n\n<div>not</div>\n\nb", 3, 3, "html_block"),
            ("a\n\nb ~~c~~\n\nd", "a\n\nb c\n\nd", 3, 4, "structure"),
            ("# a", "a", 1, 1, "structure"),
            ("a", "", 1, 1, "structure"),
            ("[a](/x)", "a", 1, 1, "structure"),
            ("a [^1]\n\n[^1]: note", "a", 3, 3, "footnote"),
        ] {
            let lost = lost_between(source, rendered);
            let expected = Lost { first_line, last_line, kind };
            assert!(lost.contains(&expected), "{source:?}: {lost:?}");
        }
    }
}
