//! What a document holds that the editor's schema does not have: nodes and marks of another editor.

use std::collections::BTreeSet;

/// The most names that are noted: whoever may edit can make up as many as they like.
const NAMES_MAX: usize = 20;

/// The longest name that is noted whole, in characters.
const NAME_CHARS_MAX: usize = 60;

/// What sort of thing a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForeignKind {
    /// A node; without a name if it is no XML element at all.
    Node,
    /// A mark.
    Mark,
    /// An attribute, with the name of its node or mark before it: `paragraph.textAlign`.
    Attribute,
}

impl ForeignKind {
    /// As the host is told of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "unknown_node",
            Self::Mark => "unknown_mark",
            Self::Attribute => "unknown_attribute",
        }
    }
}

/// The names of nodes, marks and attributes that are not in the schema. Markdown keeps their text and loses what they
/// are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreign(BTreeSet<(ForeignKind, String)>);

impl Foreign {
    pub(super) const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether there are nodes or marks. Without them, Markdown says all that the schema knows.
    pub fn has_content(&self) -> bool {
        self.0.iter().any(|(kind, _)| *kind != ForeignKind::Attribute)
    }

    /// Whether all of this is in the other one as well.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The first so many of them, each once.
    pub fn iter(&self) -> impl Iterator<Item = (ForeignKind, &str)> {
        self.0.iter().map(|(kind, name)| (*kind, name.as_str()))
    }

    pub(super) fn node(&mut self, name: &str) {
        self.note(ForeignKind::Node, name);
    }

    pub(super) fn mark(&mut self, name: &str) {
        self.note(ForeignKind::Mark, name);
    }

    pub(super) fn attribute(&mut self, of: &str, name: &str) {
        self.note(ForeignKind::Attribute, &format!("{of}.{name}"));
    }

    fn note(&mut self, kind: ForeignKind, name: &str) {
        if self.0.len() < NAMES_MAX {
            self.0.insert((kind, name.chars().take(NAME_CHARS_MAX).collect()));
        }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        other.iter().for_each(|(kind, name)| self.note(kind, name));
    }
}
