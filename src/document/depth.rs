//! How deep the shared types of a document stand in one another, kept within what yrs can delete.

use super::ApplyError;
use crate::markdown::schema;
use crate::protocol::wire::WireError;

/// The most levels. Editors need a few, and yrs a part of the stack for each.
pub(super) const LEVELS_MAX: u32 = 256;

/// For what was taken before and is read again. Several changes may have become one since, and one is
/// counted as if all of it came below the deepest that is there.
const RESTORED_LEVELS_MAX: u32 = 2 * LEVELS_MAX;

/// What [`super::xml::document_to_update`] makes at most: elements, and a text in the innermost one.
pub(super) const SEED_LEVELS_MAX: u32 = schema::DEPTH_MAX as u32 + 2;

/// At least as many levels as a document has; counted anew when it could be too many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    at_most: u32,
    levels_max: u32,
}

impl Default for Depth {
    fn default() -> Self {
        Self { at_most: 0, levels_max: LEVELS_MAX }
    }
}

impl Depth {
    /// For what was taken before, and for our own.
    pub(super) const fn while_restoring(&mut self) {
        self.levels_max = RESTORED_LEVELS_MAX;
    }

    /// The document is as it was stored, and what comes now is new.
    pub(super) const fn restored(&mut self) {
        self.levels_max = LEVELS_MAX;
    }

    /// A new document is made by the editor's model, which bounds it.
    pub(super) const fn of_seed(&mut self) {
        self.at_most = SEED_LEVELS_MAX;
    }

    /// Something was written of which only its own levels are bounded.
    pub(super) const fn forget(&mut self) {
        self.at_most = u32::MAX;
    }

    /// Makes sure that updates which add so many levels do not nest too deep, before yrs gets them.
    /// `levels` counts those of the document.
    pub(super) fn with(
        self,
        added: u32,
        levels: impl FnOnce() -> Result<u32, ApplyError>,
    ) -> Result<Self, ApplyError> {
        if added == 0 {
            return Ok(self);
        }
        let mut at_most = self.at_most;
        if at_most.saturating_add(added) > self.levels_max {
            at_most = levels()?;
        }
        let at_most = at_most.saturating_add(added);
        if at_most > self.levels_max {
            return Err(WireError::TooDeep.into());
        }
        Ok(Self { at_most, ..self })
    }
}
