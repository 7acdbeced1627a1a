//! One room's CRDT document: apply, diff, and the editor's tree inside it.
//!
//! [`Document`] is the only owner of a `yrs::Doc`. Nothing that a client sends may get through to yrs
//! unchecked, and no panic inside yrs gets out: the caller learns of it as [`ApplyError::Broken`], must
//! drop the document and load it again.

mod clocks;
mod depth;
mod draft;
mod marks;
pub mod reconcile;
pub mod xml;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use bytes::Bytes;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, OffsetKind, Options, ReadTxn, StateVector, Transact, TransactionMut, Update, WriteTxn,
    diff_updates_v1,
};

use self::clocks::Clocks;
use self::depth::Depth;
use self::marks::Marks;
use crate::protocol::gaps::without_gaps;
use crate::protocol::nesting::levels_added;
use crate::protocol::update::{Shape, check_update, check_update_of, read_state_vector};
use crate::protocol::wire::WireError;
use draft::Rendered;
pub use draft::{Draft, NewlyRendered, Rendering};
use xml::Foreign;

/// The XML fragment that editors bind to.
pub const FRAGMENT: &str = "default";

/// The generation of a document that was just made or loaded; 0 means "never".
pub const FIRST_GENERATION: u64 = 1;

/// The updates of a log that are applied in one transaction: a transaction costs as much as a small update, and
/// one for the whole log would be quadratic in yrs.
const RESTORED_TOGETHER: usize = 4;

/// Why an update was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The bytes are not an update; the document is as it was.
    #[error("the update {0}")]
    Malformed(#[from] WireError),
    /// yrs refused it; the document is as it was.
    #[error("the update cannot be read: {0}")]
    Refused(String),
    /// yrs failed in the middle. This document must not be used any more.
    #[error("the document cannot be used any more: {0}")]
    Broken(String),
}

/// What applying updates did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The change as one update, for the log and for the others; `None` if nothing changed.
    pub change: Option<Bytes>,
    /// Parts were left out because what they build on is missing here. Whoever sent them has it:
    /// ask with a step 1, and they come again together.
    pub incomplete: bool,
    /// Parts were left out because they make no sense in this document; why.
    pub refused: Option<String>,
}

/// A room's document.
#[derive(Debug)]
pub struct Document {
    doc: Doc,
    clocks: Clocks,
    depth: Depth,
    marks: Marks,
    /// What comes was taken before, or is our own.
    is_restoring: bool,
    /// Counts changes; what a snapshot contains is said by the generation it was taken at.
    generation: u64,
    /// The whole state, encoded once per generation and shared by all who join.
    state: Option<(u64, Bytes)>,
    /// The Markdown of its blocks, as far as they were rendered.
    rendered: Rendered,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// An empty document.
    pub fn new() -> Self {
        // Cleaning up formatting would make deletions of our own that no client hears of.
        let options =
            Options { offset_kind: OffsetKind::Utf16, cleanup_formatting: false, ..Options::default() };
        let doc = Doc::with_options(options);
        let rendered = Rendered::watch(&doc);
        Self {
            doc,
            clocks: Clocks::default(),
            depth: Depth::default(),
            marks: Marks::default(),
            is_restoring: false,
            generation: FIRST_GENERATION,
            state: None,
            rendered,
        }
    }

    /// A document from its snapshot and the log after it.
    pub fn restore(snapshot: Option<&Bytes>, log: &[Bytes]) -> Result<Self, ApplyError> {
        let mut document = Self::new();
        document.while_restoring(true);
        let mut taken_whole = true;
        for updates in snapshot.map(slice::from_ref).into_iter().chain(log.chunks(RESTORED_TOGETHER)) {
            taken_whole &= document.take(updates)?;
        }
        document.while_restoring(false);
        document.generation = FIRST_GENERATION;
        if let ([state], None) | ([], Some(state)) = (log, snapshot)
            && taken_whole
        {
            // All that is here came with it: who joins first need not wait until it is encoded again.
            document.state = Some((FIRST_GENERATION, state.clone()));
        }
        Ok(document)
    }

    /// Takes updates that were taken before; `false` if something had to be left out.
    fn take(&mut self, updates: &[Bytes]) -> Result<bool, ApplyError> {
        let incoming = match self.check(updates) {
            Ok(incoming) => incoming,
            // Together they could be too deep, where none is.
            Err(_) if updates.len() > 1 => {
                return updates
                    .iter()
                    .try_fold(true, |whole, update| Ok(self.take(slice::from_ref(update))? && whole));
            }
            Err(error) => return Err(error),
        };
        let left_out = self.transact(|txn, clocks| integrate(txn, clocks, incoming))?;
        self.state = None;
        Ok(!left_out.incomplete && left_out.refused.is_none())
    }

    /// A new document from what [`xml::document_to_update`] made: how deep that nests is known, and need not
    /// be looked up.
    pub fn seeded(seed: &Bytes) -> Result<Self, ApplyError> {
        let mut document = Self::new();
        document.depth.of_seed();
        // It is read again from the log, and must pass then.
        let shape = check_update(seed)?;
        document.marks.add(document.marks.of(seed)?);
        let incoming = vec![Incoming { raw: seed, shape, update: decoded(seed)? }];
        document.transact(|txn, clocks| integrate(txn, clocks, incoming))?;
        document.state = Some((FIRST_GENERATION, seed.clone()));
        Ok(document)
    }

    /// Counts changes since the document was loaded, from [`FIRST_GENERATION`].
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Applies updates in one transaction. Keep the list short; see [`Document::restore`].
    ///
    /// The document never keeps what it cannot integrate: pending structures cannot be encoded safely,
    /// cost memory that nobody accounts for, and are not needed where the sender can be asked again.
    pub fn apply(&mut self, updates: &[Bytes]) -> Result<Applied, ApplyError> {
        let incoming = self.check(updates)?;
        let applied = self.transact(|txn, clocks| {
            let LeftOut { incomplete, refused } = integrate(txn, clocks, incoming)?;
            let change = txn.has_changes().then(|| match updates {
                // What came in says it already, when all of it was taken. What yrs deletes by itself, others would
                // not always delete.
                [update] if !incomplete && refused.is_none() && txn.delete_set().is_empty() => update.clone(),
                _ => txn.encode_update_v1().into(),
            });
            Ok(Applied { change, incomplete, refused })
        })?;
        if applied.change.is_some() {
            self.generation += 1;
            // As large as the document, and no longer true.
            self.state = None;
        }
        Ok(applied)
    }

    /// Applies an update that is our own, and in the log already: it is not refused for its depth.
    pub fn apply_own(&mut self, update: &Bytes) -> Result<Applied, ApplyError> {
        self.while_restoring(true);
        let applied = self.apply(slice::from_ref(update));
        self.while_restoring(false);
        applied
    }

    /// The checks that updates pass before yrs gets them.
    fn check<'a>(&mut self, updates: &'a [Bytes]) -> Result<Vec<Incoming<'a>>, ApplyError> {
        let mut incoming = Vec::with_capacity(updates.len());
        // Each may stand in the one before.
        let mut levels: u32 = 0;
        let mut new = Vec::new();
        for raw in updates {
            let shape = self.check_one(raw, &mut new)?;
            if shape.types > 0 {
                levels = levels.saturating_add(levels_added(raw)?);
            }
            if shape.marks > 0 && !shape.only_run.is_some_and(|run| self.clocks.has(run.client, run.end - 1))
            {
                self.add_marks(raw)?;
            }
            incoming.push(Incoming { raw, shape, update: decoded(raw)? });
        }
        let depth = self.depth;
        self.depth = depth.with(levels, || Ok(levels_added(&self.state()?)?))?;
        Ok(incoming)
    }

    /// What an update claims to hold; `new` gathers the clients that are not here yet.
    fn check_one(&self, raw: &[u8], new: &mut Vec<u64>) -> Result<Shape, ApplyError> {
        let known = new.len();
        let shape =
            check_update_of(raw, |client| new.extend(Some(client).filter(|new| !self.clocks.knows(*new))))?;
        if new.len() > known && !self.is_restoring && self.clocks.would_be_alike(new) {
            return Err(WireError::Alike.into());
        }
        Ok(shape)
    }

    /// Counts the marks of an update that was checked, if they can be read.
    fn add_marks(&mut self, raw: &[u8]) -> Result<(), ApplyError> {
        let new = self.marks.of(raw)?;
        let mut fit = self.is_restoring || self.marks.fit(&new);
        if !fit && self.marks.may_be_counted_again(self.generation) {
            let state = self.state()?;
            self.marks.count_again(self.marks.of(&state)?, self.generation);
            fit = self.marks.fit(&new);
        }
        if fit {
            self.marks.add(new);
            return Ok(());
        }
        Err(WireError::TooManyMarks.into())
    }

    /// Whether what comes was taken before, or is our own.
    const fn while_restoring(&mut self, is_restoring: bool) {
        self.is_restoring = is_restoring;
        if is_restoring { self.depth.while_restoring() } else { self.depth.restored() }
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut TransactionMut<'_>, &mut Clocks) -> Result<T, ApplyError>,
    ) -> Result<T, ApplyError> {
        // A transaction commits when dropped. While a panic unwinds, that commit would run on a broken
        // document, and a second panic would end the process; so it is dropped by hand.
        let mut txn = ManuallyDrop::new(contained(|| self.doc.transact_mut())?);
        let outcome = contained(|| work(&mut txn, &mut self.clocks))??;
        contained(|| drop(ManuallyDrop::into_inner(txn)))?;
        Ok(outcome)
    }

    /// What this document has.
    pub fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// Exactly what somebody with this state vector lacks.
    pub fn diff(&self, state_vector: &[u8]) -> Result<Bytes, ApplyError> {
        let mut has = StateVector::default();
        // Who is not here makes no difference, and is not put into a map of yrs: it takes a client's id for its
        // hash, so that somebody could choose ids that all fall into one place.
        read_state_vector(state_vector, |client, clock| {
            if self.clocks.knows(client) {
                has.set_min(yrs::ClientID::new(client), clock);
            }
        })?;
        contained(|| self.doc.transact().encode_diff_v1(&has).into())
    }

    /// Whether an update, which was checked, builds on nothing that is not here.
    pub fn leads_up_to(&self, update: &[u8]) -> bool {
        without_gaps(update, |client, clock| self.clocks.has(client, clock)) == Ok(None)
    }

    /// How many bytes an update, which was checked, would add about: what of it is here already does not count.
    pub fn growth_by(&self, update: &[u8]) -> usize {
        if self.check_one(update, &mut Vec::new()).is_err() {
            return update.len();
        }
        let state_vector = self.state_vector();
        match contained(|| diff_updates_v1(update, &state_vector)) {
            Ok(Ok(new)) if check_update(&new).is_ok_and(|shape| shape.structs == 0) => 0,
            Ok(Ok(new)) => new.len(),
            // It is for whoever applies it to say what is wrong with it.
            Ok(Err(_)) | Err(_) => update.len(),
        }
    }

    /// The whole state as one update.
    pub fn state(&mut self) -> Result<Bytes, ApplyError> {
        if let Some((generation, state)) = &self.state
            && *generation == self.generation
        {
            return Ok(state.clone());
        }
        let state: Bytes = contained(|| self.doc.transact().encode_diff_v1(&StateVector::default()).into())?;
        self.state = Some((self.generation, state.clone()));
        Ok(state)
    }

    /// The document as it is now, to be rendered as Markdown elsewhere.
    pub fn draft(&mut self) -> Result<Draft, ApplyError> {
        match self.draft_of(draft::READ_BLOCKS_MAX)? {
            Some(draft) => Ok(draft),
            None => {
                let state = self.state()?;
                Ok(self.rendered.whole(state))
            }
        }
    }

    fn draft_of(&mut self, read_max: usize) -> Result<Option<Draft>, ApplyError> {
        contained(|| {
            let fragment = self.doc.get_or_insert_xml_fragment(FRAGMENT);
            self.rendered.draft(&self.doc.transact(), &fragment, read_max)
        })
    }

    /// Keeps what rendering a draft gave, for the next one.
    pub fn keep(&mut self, new: NewlyRendered) {
        self.rendered.keep(new);
    }

    /// The document's Markdown, rendered here and now as far as it has to be.
    pub fn markdown(&mut self) -> Result<String, ApplyError> {
        let Some(draft) = self.draft_of(usize::MAX)? else { return Ok(String::new()) };
        let Rendering { markdown, new, .. } =
            draft.render().map_err(|error| ApplyError::Broken(error.to_string()))?;
        self.keep(new);
        Ok(markdown)
    }

    /// What the document holds that the editor's schema does not have.
    pub fn foreign(&self) -> Result<Foreign, ApplyError> {
        contained(|| {
            let fragment = self.doc.get_or_insert_xml_fragment(FRAGMENT);
            xml::read(&self.doc.transact(), &fragment).foreign
        })
    }

    /// The state vector of somebody who has everything here except these updates (and what builds on them).
    pub fn state_vector_without(&self, updates: &[Bytes]) -> Result<Vec<u8>, ApplyError> {
        let mut state_vector = self.doc.transact().state_vector();
        for update in updates {
            for (client, clock) in decoded(update)?.state_vector_lower().iter() {
                state_vector.set_min(*client, *clock);
            }
        }
        Ok(state_vector.encode_v1())
    }
}

/// What could not be taken of some updates.
#[derive(Default)]
struct LeftOut {
    /// Structs before which others are missing.
    incomplete: bool,
    /// What yrs could make no sense of.
    refused: Option<String>,
}

/// An update on its way into the document.
struct Incoming<'a> {
    raw: &'a Bytes,
    shape: Shape,
    update: Update,
}

/// Applies updates as far as that is possible.
fn integrate(
    txn: &mut TransactionMut<'_>,
    clocks: &mut Clocks,
    incoming: Vec<Incoming<'_>>,
) -> Result<LeftOut, ApplyError> {
    let mut left_out = LeftOut::default();
    let mut with_gaps = Vec::new();
    for incoming in incoming {
        #[cfg(test)]
        tests::panic_if_asked(incoming.raw);
        match cut(clocks, &incoming)? {
            None => apply_one(txn, clocks, incoming, &mut left_out),
            // What is missing may be in one of the others: who sends it again, sends it with the rest.
            Some(_) => with_gaps.push(incoming),
        }
    }
    for incoming in with_gaps {
        match cut(clocks, &incoming)? {
            None => apply_one(txn, clocks, incoming, &mut left_out),
            Some(rest) => {
                left_out.incomplete = true;
                let update =
                    Update::decode_v1(&rest).map_err(|error| ApplyError::Broken(error.to_string()))?;
                let shape = check_update(&rest)?;
                apply_one(txn, clocks, Incoming { update, shape, ..incoming }, &mut left_out);
            }
        }
    }
    if txn.has_missing_updates() {
        txn.prune_pending();
        left_out.incomplete = true;
    }
    Ok(left_out)
}

/// An update as yrs reads it, after it was checked.
fn decoded(update: &[u8]) -> Result<Update, ApplyError> {
    contained(|| Update::decode_v1(update))?.map_err(|error| ApplyError::Refused(error.to_string()))
}

/// yrs gives up at a struct whose parent cannot be one, before it takes the struct: what came before it is
/// in the document and whole, and the rest of the update is not.
fn apply_one(
    txn: &mut TransactionMut<'_>,
    clocks: &mut Clocks,
    incoming: Incoming<'_>,
    left_out: &mut LeftOut,
) {
    let Incoming { shape, update, .. } = incoming;
    let outcome = txn.apply_update(update);
    match shape.only_run {
        Some(run) if outcome.is_ok() && !txn.has_missing_updates() => clocks.advance(run),
        None if shape.structs == 0 => {}
        _ => clocks.read(txn),
    }
    if let Err(error) = outcome {
        left_out.refused = Some(error.to_string());
    }
}

/// The update without what comes after a gap, if there is one.
fn cut(clocks: &Clocks, incoming: &Incoming<'_>) -> Result<Option<Vec<u8>>, ApplyError> {
    if incoming.shape.only_run.is_some_and(|run| clocks.lead_up_to(run)) {
        return Ok(None);
    }
    Ok(without_gaps(incoming.raw, |client, clock| clocks.has(client, clock))?)
}

/// Runs something of yrs; a panic becomes an error.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, ApplyError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic without a message".to_owned());
        ApplyError::Broken(message)
    })
}

#[cfg(test)]
pub(crate) mod tests;
