//! The books of one room: what was written by those who may, what they deleted, and what they were told is
//! saved. Every insertion has a character of its own, so that each can be looked for.

use std::collections::BTreeSet;

use crate::room::state::tests::editor::Content;

/// Every insertion has a character of its own, outside the basic plane: two units in UTF-16.
const FIRST_TOKEN: u32 = 0xF_0000;

/// About the most that a change adds to a document where it divides what is there, that a deletion adds, and an edit
/// made elsewhere.
const DIVISION_BYTES_MAX: usize = 12;
const DELETION_BYTES_MAX: usize = 40;
const EDIT_ELSEWHERE_BYTES_MAX: usize = 100;

/// What one change did.
#[derive(Debug, Clone, Default)]
pub(super) struct Edit {
    pub(super) inserted: Option<char>,
    pub(super) deleted: Vec<char>,
}

/// The books of one room.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    inserted: BTreeSet<char>,
    /// Deleted in the document of somebody who may, whether or not others have heard of it.
    deleted: BTreeSet<char>,
    /// Insertions that somebody was told are on disk.
    saved: BTreeSet<char>,
    /// Deletions that somebody was told are on disk.
    saved_deletions: BTreeSet<char>,
    /// What may be there or not: edits made elsewhere that the host's own text lost again before the room had seen
    /// them, and what was on its way when its author's right to it was taken.
    doubtful: BTreeSet<char>,
    /// How many changes there were, and how many of them were not only additions.
    changes: usize,
    deletions: usize,
    /// How many edits were made elsewhere.
    edits_elsewhere: usize,
}

/// The n-th token there is.
pub(super) fn token(n: u32) -> char {
    char::from_u32(FIRST_TOKEN + n).unwrap()
}

/// The tokens in a text.
pub(super) fn tokens_in(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| u32::from(*c) >= FIRST_TOKEN)
}

/// The tokens in a document, in order, each as often as it is there.
pub(super) fn tokens_of(content: &Content) -> Vec<char> {
    let mut found: Vec<char> = tokens_in(&content.text).chain(tokens_in(&content.xml)).collect();
    found.sort_unstable();
    found
}

impl Ledger {
    /// Somebody who may has made this change.
    pub(super) fn enter(&mut self, edit: &Edit) {
        self.inserted.extend(edit.inserted);
        self.changes += 1;
        self.deletions += usize::from(edit.inserted.is_none());
        // What an intruder shows itself is nobody's concern.
        self.deleted.extend(edit.deleted.iter().filter(|token| self.inserted.contains(token)));
    }

    /// Somebody edits the host's text.
    pub(super) fn enter_elsewhere(&mut self, token: char) {
        self.inserted.insert(token);
        self.edits_elsewhere += 1;
    }

    /// Whether a document keeps to its largest size, but for what nobody refuses: deletions, which may take a few
    /// bytes, edits made elsewhere, and what is divided by what goes in between.
    pub(super) fn check_size(&self, bytes: usize, bytes_max: usize) -> Result<(), String> {
        let never_refused = self.changes * DIVISION_BYTES_MAX
            + self.deletions * DELETION_BYTES_MAX
            + self.edits_elsewhere * EDIT_ELSEWHERE_BYTES_MAX;
        if bytes <= bytes_max + never_refused {
            return Ok(());
        }
        Err(format!("a document has {bytes} bytes, and may have {bytes_max} and {never_refused}"))
    }

    /// Whoever made it was told that it is on disk.
    pub(super) fn save(&mut self, edit: &Edit) {
        self.saved.extend(edit.inserted);
        self.saved_deletions.extend(edit.deleted.iter().filter(|token| self.inserted.contains(token)));
    }

    /// These are in a text that the host was given, which must say nothing that is not on disk.
    pub(super) fn drafted(&mut self, text: &str) {
        self.saved.extend(tokens_in(text));
    }

    pub(super) fn is_deleted(&self, token: char) -> bool {
        self.deleted.contains(&token)
    }

    /// The host's own text lost it before the room had seen it: it may be anywhere or nowhere.
    pub(super) fn doubt(&mut self, token: char) {
        self.doubtful.insert(token);
    }

    /// Its author may not edit any more, and nobody has heard of it.
    pub(super) fn retract(&mut self, edit: &Edit) {
        edit.inserted.map(|token| self.inserted.remove(&token));
        self.doubtful.extend(&edit.deleted);
    }

    /// Its author may not edit any more, and perhaps it was heard before, perhaps not.
    pub(super) fn doubt_unless_saved(&mut self, edit: &Edit) {
        self.doubtful.extend(edit.inserted.filter(|token| !self.saved.contains(token)));
        self.doubtful.extend(edit.deleted.iter().filter(|token| !self.saved_deletions.contains(token)));
    }

    pub(super) fn has_doubts(&self) -> bool {
        !self.doubtful.is_empty()
    }

    /// Whether what is on disk holds what was promised, and nothing twice.
    pub(super) fn check_stored(&self, stored: &Content) -> Result<(), String> {
        let found = tokens_of(stored);
        self.check_each_once(&found)?;
        let kept = |token: &&char| !self.deleted.contains(token) && !self.doubtful.contains(token);
        if let Some(lost) = self.saved.iter().filter(kept).find(|token| !found.contains(token)) {
            return Err(format!("{} was saved and is lost", name(*lost)));
        }
        match self.saved_deletions.iter().find(|token| found.contains(token)) {
            Some(back) => Err(format!("the deletion of {} was saved and is lost", name(*back))),
            None => Ok(()),
        }
    }

    /// Whether a document holds everything that was written and not deleted, once.
    pub(super) fn check_whole(&self, found: &[char]) -> Result<(), String> {
        self.check_each_once(found)?;
        let expected = self.inserted.difference(&self.deleted);
        if let Some(lost) =
            expected.copied().find(|token| !self.doubtful.contains(token) && !found.contains(token))
        {
            return Err(format!("{} is lost", name(lost)));
        }
        let is_back = |token: &&char| self.deleted.contains(token) && !self.doubtful.contains(token);
        match found.iter().find(is_back) {
            Some(back) => Err(format!("{} was deleted and is back", name(*back))),
            None => Ok(()),
        }
    }

    fn check_each_once(&self, found: &[char]) -> Result<(), String> {
        if let Some(twice) = found.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("{} is there twice", name(twice[0])));
        }
        match found.iter().find(|token| !self.inserted.contains(token)) {
            Some(foreign) => Err(format!("{} was written by somebody who may not", name(*foreign))),
            None => Ok(()),
        }
    }
}

/// How a token is called in traces and complaints.
pub(super) fn name(token: char) -> String {
    format!("token {}", u32::from(token) - FIRST_TOKEN)
}

/// What is shared by all who see what goes wrong.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// One for each room.
    pub(super) rooms: Vec<Ledger>,
    /// What the doubles saw that must not be.
    pub(super) findings: Vec<String>,
    /// What they did, if somebody wants to know.
    pub(super) deeds: Option<Vec<String>>,
}

impl Books {
    pub(super) fn note(&mut self, deed: impl FnOnce() -> String) {
        if let Some(deeds) = &mut self.deeds {
            deeds.push(deed());
        }
    }
}
