//! How much the marks of a document come to when its texts are read.
//!
//! yrs reads a text as pieces, of which each has a copy of all marks that are open there. A few thousand marks
//! that are never closed, and a few thousand pieces, are a hundred kilobytes of an update and gigabytes then.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use yrs::branch::BranchPtr;
use yrs::{GetString, Map, MapRef, ReadTxn, Text, TextRef};

use super::ApplyError;
use crate::protocol::marks::marks;
use crate::protocol::wire::{WireError, utf16_len};

/// The most bytes that all marks, open at once, would take in all pieces. Where every name is in use and there are
/// no values to speak of, that is half a million marks of eight names.
const BYTES_MAX: u64 = 1 << 29;

/// What a mark takes beside its name and value.
const MARK_BYTES: u64 = 100;

/// What else than characters a text may hold for its marks to be read: each is a piece of its own.
const OBJECTS_MAX: u32 = 1_000;

/// What was deleted counts until it is counted again, after so many changes at the earliest.
const COUNTED_AGAIN_AFTER: u64 = 1_000;

/// The marks that a document has had since they were counted.
#[derive(Debug, Default, Clone)]
pub(super) struct Marks {
    /// How many there are.
    count: u64,
    /// The bytes of the longest of each name, by the name's hash: a name may be as long as the document.
    names: HashMap<u64, u64>,
    hasher: RandomState,
    /// The generation of the document that was counted.
    counted_at: u64,
}

impl Marks {
    /// Those of a whole document.
    pub(super) fn of(state: &[u8], generation: u64) -> Result<Self, ApplyError> {
        let mut all = Self { counted_at: generation, ..Self::default() };
        all.add(state)?;
        Ok(all)
    }

    /// Adds those of an update that was checked.
    pub(super) fn add(&mut self, update: &[u8]) -> Result<(), WireError> {
        marks(update, |name, bytes| {
            self.count += 1;
            let longest = self.names.entry(self.hasher.hash_one(name)).or_default();
            *longest = MARK_BYTES.saturating_add(bytes as u64).max(*longest);
        })
    }

    /// Whether texts with these can be read.
    pub(super) fn fit(&self) -> bool {
        let open: u64 = self.names.values().sum();
        open.saturating_mul(self.count) <= BYTES_MAX
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
