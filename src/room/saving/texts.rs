//! What is known of the host's text, and whether one that it gives is ours.

use std::collections::HashMap;

use crate::store::{ATTEMPTS_KEPT_PER_ROOM, Attempt, HostText};

/// The texts that the host has, had, or may have.
#[derive(Debug, Clone, Default)]
pub struct HostTexts {
    /// What it has, as far as is known; nothing is written where nothing differs.
    pub known: Option<HostText>,
    /// Texts of ours that it may have, or may come to have, although writing them seemed to fail; the newest last.
    /// A host that was given up may still take one, after newer ones even.
    pub given: Vec<Attempt>,
    /// The last text of its own that ours took the place of. Should it give that again without saying that
    /// something changed, it gives what it had before our draft, and nothing was edited.
    pub before: Option<HostText>,
}

/// What a text of the host's means.
#[derive(Debug, PartialEq, Eq)]
pub enum HostSays {
    /// Nothing new.
    Known,
    /// That a draft has landed which seemed to fail; it may be older than the one that it was known to have.
    Landed,
    /// That somebody has edited it elsewhere.
    Edited {
        /// The text that was edited: the one that it was known to have, or a draft that seemed to fail.
        base: HostText,
    },
}

impl HostTexts {
    /// `told`: the host says itself that something changed.
    pub fn compare(&self, text: &HostText, told: bool) -> HostSays {
        if self.known.as_ref() == Some(text) {
            return HostSays::Known;
        }
        if self.given.iter().any(|given| given.text == *text) {
            return HostSays::Landed;
        }
        // A host whose text was not known before is taken at its word.
        let Some(known) = &self.known else { return HostSays::Known };
        if !told && self.before.as_ref() == Some(text) {
            return HostSays::Known;
        }
        // Somebody has changed one of them, and has not rewritten another into it. Of two that are as near the
        // newer one is meant.
        let others = self.given.iter().rev().map(|given| &given.text);
        let base = std::iter::once(known).chain(others).min_by_key(|base| lines_apart(base, text));
        HostSays::Edited { base: base.unwrap_or(known).clone() }
    }

    /// Writing this text seemed to fail.
    pub fn gave(&mut self, attempt: Attempt) {
        self.given.retain(|given| given.text != attempt.text);
        self.given.push(attempt);
        self.given.drain(..self.given.len().saturating_sub(ATTEMPTS_KEPT_PER_ROOM));
    }

    /// What was given so long ago that the host will not take it any more is forgotten.
    pub fn forget_old(&mut self, now_ms: i64) {
        self.given.retain(|given| given.is_open(now_ms));
    }

    /// The host has this text, which was written as a draft.
    pub fn drafted(&mut self, text: HostText) {
        let replaced = self.known.replace(text).filter(|replaced| Some(replaced) != self.known.as_ref());
        self.before = self.before.take().or(replaced);
    }

    /// The host has this text, into which somebody's edit went.
    pub fn edited(&mut self, text: HostText) {
        self.known = Some(text);
        self.before = None;
    }
}

/// How many lines stand in one of two texts and not in the other; blank ones come and go with others.
fn lines_apart(one: &str, other: &str) -> usize {
    let mut counts: HashMap<&str, isize> = HashMap::new();
    let lines = |text| str::lines(text).filter(|line| !line.trim_end().is_empty());
    for line in lines(one) {
        *counts.entry(line).or_default() += 1;
    }
    for line in lines(other) {
        *counts.entry(line).or_default() -= 1;
    }
    counts.values().map(|count| count.unsigned_abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ATTEMPT_TTL;

    #[test]
    fn a_text_is_known_ours_or_an_edit_of_what_it_is_nearest_to() {
        let given = |text: &str| Attempt { seq: 1, text: text.into(), given_at_ms: 0 };
        let texts = HostTexts {
            known: Some("one\ntwo\n".into()),
            given: vec![given("older\n"), given("one\ntwo\nthree\n")],
            before: Some("one\n".into()),
        };
        let edited = |base: &str| HostSays::Edited { base: base.into() };
        for (text, told, expected) in [
            ("one\ntwo\n", true, HostSays::Known),
            ("one\n", false, HostSays::Known),
            ("one\n", true, edited("one\ntwo\n")),
            ("one\ntwo\nthree\n", false, HostSays::Landed),
            ("older\n", true, HostSays::Landed),
            ("one\ntwo\nthree\nfour\n", false, edited("one\ntwo\nthree\n")),
            ("older\nnew\n", false, edited("older\n")),
            ("zero\none\ntwo\n", false, edited("one\ntwo\n")),
        ] {
            assert_eq!(texts.compare(&text.into(), told), expected, "{text:?}");
        }
        assert_eq!(HostTexts::default().compare(&"any".into(), true), HostSays::Known);
    }

    #[test]
    fn what_was_given_is_remembered_for_a_while_the_newest_of_it_and_each_once() {
        let mut texts = HostTexts { known: Some("known".into()), ..HostTexts::default() };
        let given = |n: i64| Attempt { seq: 1, text: n.to_string().into(), given_at_ms: n };
        let kept = ATTEMPTS_KEPT_PER_ROOM as i64;
        for n in (0..=kept).chain([2]) {
            texts.gave(given(n));
        }
        let of = |texts: &HostTexts| texts.given.iter().map(|given| given.given_at_ms).collect::<Vec<_>>();
        assert_eq!(of(&texts), [1].into_iter().chain(3..=kept).chain([2]).collect::<Vec<_>>());
        assert_eq!(texts.compare(&"1".into(), true), HostSays::Landed);
        texts.forget_old(kept + ATTEMPT_TTL.as_millis() as i64);
        assert_eq!(of(&texts), Vec::<i64>::new());
        assert_eq!(texts.compare(&"1".into(), true), HostSays::Edited { base: "known".into() });
    }
}
