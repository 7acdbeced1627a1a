//! How much the marks of a document come to when its texts are read.
//!
//! yrs reads a text as pieces, of which each has a copy of all marks that are open there. A few thousand marks
//! that are never closed, and a few thousand pieces, are a hundred kilobytes of an update and gigabytes then.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use yrs::branch::BranchPtr;
use yrs::{GetString, Map, MapRef, ReadTxn, Text, TextRef};

use crate::protocol::marks::marks;
use crate::protocol::wire::{WireError, utf16_len};

/// The most that all marks would take if each name were open in each piece, in bytes: eight million times a mark. With
/// the few names that an editor's schema has, no document comes near.
const BYTES_MAX: usize = 1 << 29;

/// What yrs takes for a mark in a piece; name and value are shared.
const MARK_BYTES: usize = 64;

/// What else than characters a text may hold for its marks to be read: each is a piece of its own.
const OBJECTS_MAX: u32 = 1_000;

/// What was deleted counts until it is counted again, after so many changes at the earliest.
const COUNTED_AGAIN_AFTER: u64 = 1_000;

/// The marks that a document has had since they were counted.
#[derive(Debug, Default)]
pub(super) struct Marks {
    count: usize,
    /// Their names, as hashes: a name may be as long as the document.
    names: HashSet<u64>,
    hasher: RandomState,
    /// The generation of the document that was counted.
    counted_at: u64,
}

impl Marks {
    /// Those of an update that was checked.
    pub(super) fn of(&self, update: &[u8]) -> Result<Self, WireError> {
        let mut new = Self { hasher: self.hasher.clone(), ..Self::default() };
        marks(update, |name| {
            new.count += 1;
            new.names.insert(new.hasher.hash_one(name));
        })?;
        Ok(new)
    }

    /// Counts anew: these are all that there are.
    pub(super) fn count_again(&mut self, all: Self, generation: u64) {
        *self = Self { counted_at: generation, ..all };
    }

    pub(super) fn add(&mut self, new: Self) {
        self.count += new.count;
        self.names.extend(new.names);
    }

    /// Whether texts with these and the new ones can be read.
    pub(super) fn fit(&self, new: &Self) -> bool {
        let names = self.names.len() + new.names.difference(&self.names).count();
        let pieces = self.count + new.count;
        names.saturating_mul(pieces).saturating_mul(MARK_BYTES) <= BYTES_MAX
    }

    /// Whether it is time to see which of them are left.
    pub(super) const fn may_be_counted_again(&self, generation: u64) -> bool {
        generation >= self.counted_at.saturating_add(COUNTED_AGAIN_AFTER)
    }
}

/// Whether a row, of whatever type it is, can be read as pieces, each with its marks.
pub(super) fn can_be_read_as_pieces(txn: &impl ReadTxn, row: BranchPtr) -> bool {
    let text = TextRef::from(row);
    let len = text.len(txn);
    // Of a string beside an entry yrs may take one for the other, and not count its characters.
    let is_counted = MapRef::from(row).len(txn) == 0;
    len <= OBJECTS_MAX || (is_counted && len.saturating_sub(characters(txn, &text)) <= OBJECTS_MAX)
}

/// Whether a row can be read one by one. yrs goes through a string from its beginning for each of its characters,
/// and for ever where one has two units.
pub(super) fn can_be_read_one_by_one(txn: &impl ReadTxn, row: BranchPtr) -> bool {
    characters(txn, &TextRef::from(row)) == 0
}

fn characters(txn: &impl ReadTxn, row: &TextRef) -> u32 {
    u32::try_from(utf16_len(&row.get_string(txn))).unwrap_or(u32::MAX)
}
