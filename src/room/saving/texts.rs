//! What is known of the host's text, and whether one that it gives is ours.

use std::collections::HashMap;

use crate::store::HostText;

/// The texts that the host has, had, or may have.
#[derive(Debug, Clone, Default)]
pub struct HostTexts {
    /// What it has, as far as is known; nothing is written where nothing differs.
    pub known: Option<HostText>,
    /// A text of ours that it may have although writing it seemed to fail.
    pub attempted: Option<HostText>,
    /// The last text of its own that ours took the place of. Should it give that again without saying that
    /// something changed, it gives what it had before our draft, and nothing was edited.
    pub before: Option<HostText>,
}

/// What a text of the host's means.
#[derive(Debug, PartialEq, Eq)]
pub enum HostSays {
    /// Nothing new.
    Known,
    /// That a draft has landed which seemed to fail.
    Landed,
    /// That somebody has edited it elsewhere.
    Edited {
        /// The text that was edited.
        base: HostText,
    },
}

impl HostTexts {
    /// `told`: the host says itself that something changed.
    pub fn compare(&self, text: &HostText, told: bool) -> HostSays {
        if self.attempted.as_ref() == Some(text) {
            return HostSays::Landed;
        }
        // A host whose text was not known before is taken at its word.
        let Some(known) = &self.known else { return HostSays::Known };
        if known == text || (!told && self.before.as_ref() == Some(text)) {
            return HostSays::Known;
        }
        let base = match &self.attempted {
            // Somebody has changed one of the two, and has not rewritten the other into it.
            Some(attempt) if lines_apart(attempt, text) < lines_apart(known, text) => attempt,
            _ => known,
        };
        HostSays::Edited { base: base.clone() }
    }

    /// The host has this text, which was written as a draft.
    pub fn drafted(&mut self, text: HostText) {
        self.attempted = None;
        let replaced = self.known.replace(text).filter(|replaced| Some(replaced) != self.known.as_ref());
        self.before = self.before.take().or(replaced);
    }

    /// The host has this text, into which somebody's edit went.
    pub fn edited(&mut self, text: HostText) {
        *self = Self { known: Some(text), attempted: None, before: None };
    }
}

/// How many lines stand in one of two texts and not in the other.
fn lines_apart(one: &str, other: &str) -> usize {
    let mut counts: HashMap<&str, isize> = HashMap::new();
    for line in one.lines() {
        *counts.entry(line).or_default() += 1;
    }
    for line in other.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    counts.values().map(|count| count.unsigned_abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_ours_or_an_edit_of_what_it_is_nearest_to() {
        let texts = HostTexts {
            known: Some("one\ntwo\n".into()),
            attempted: Some("one\ntwo\nthree\n".into()),
            before: Some("one\n".into()),
        };
        let edited = |base: &str| HostSays::Edited { base: base.into() };
        for (text, told, expected) in [
            ("one\ntwo\n", true, HostSays::Known),
            ("one\n", false, HostSays::Known),
            ("one\n", true, edited("one\ntwo\n")),
            ("one\ntwo\nthree\n", false, HostSays::Landed),
            ("one\ntwo\nthree\nfour\n", false, edited("one\ntwo\nthree\n")),
            ("zero\none\ntwo\n", false, edited("one\ntwo\n")),
        ] {
            assert_eq!(texts.compare(&text.into(), told), expected, "{text:?}");
        }
        assert_eq!(HostTexts::default().compare(&"any".into(), true), HostSays::Known);
    }
}
