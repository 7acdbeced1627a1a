//! How large a room's document is, and what no longer fits into it.
//!
//! The size is that of the document's state as one update. It is measured only where it counts, because that
//! takes milliseconds for a large document; in between it is estimated from above by the updates that came.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Effect, RoomState, Seat, Updates};
use crate::error::{Code, RealtimeError};
use crate::ids::ClientId;
use crate::protocol::control::{self, Level};
use crate::protocol::sync;

/// People are told of a document that is larger than this, in bytes.
const DOCUMENT_BYTES_ADVISED: usize = 500_000;

/// A document near a limit is measured again at most this often.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

/// A client whose edits do not fit is told so at most this often.
const TELL_CLIENT_INTERVAL: Duration = Duration::from_secs(1);

/// Everybody, and the host, is told of a full document at most this often.
const TELL_ALL_INTERVAL: Duration = Duration::from_secs(60);

const LARGE_NOTICE: &str = "This document is over 500 KB large and may become slow. Consider to divide it.";

const FULL_NOTICE: &str = "This document has reached its largest size. What is added now may not be taken; delete \
                           something first.";

/// The size of a document, and where its limits are.
#[derive(Debug)]
pub(super) struct Size {
    /// At least what it is, as far as it is known.
    bytes: usize,
    bytes_max: usize,
    measured_at: Option<Instant>,
    /// People were told that it is large.
    is_large: bool,
    /// Somebody has something that did not fit.
    has_refused: bool,
    told_all_at: Option<Instant>,
}

/// What a client has that did not fit.
#[derive(Debug, Default)]
pub(super) struct Refused {
    bytes: usize,
    told_at: Option<Instant>,
}

impl Size {
    /// Of a document that was just loaded.
    pub(super) const fn new(bytes: usize, bytes_max: usize) -> Self {
        Self {
            bytes,
            bytes_max,
            measured_at: None,
            is_large: bytes > DOCUMENT_BYTES_ADVISED,
            has_refused: false,
            told_all_at: None,
        }
    }

    const fn fits(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= self.bytes_max
    }

    /// Whether so much more passes no limit, as far as it is known, and nobody waits for room.
    const fn is_far_from_limits(&self, bytes: usize) -> bool {
        let becomes_large = !self.is_large && self.bytes.saturating_add(bytes) > DOCUMENT_BYTES_ADVISED;
        self.fits(bytes) && !becomes_large && !self.has_refused
    }
}

/// Whether something is due that is done at most once in a while.
fn is_due(last: Option<Instant>, interval: Duration, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= interval)
}

impl RoomState {
    /// With a document of about this size, which is not to grow beyond a limit.
    #[must_use]
    pub fn bounded(mut self, bytes: usize, bytes_max: usize) -> Self {
        self.size = Size::new(bytes, bytes_max);
        self
    }

    /// The size of the document's state: when it was last encoded, and what came since.
    pub const fn size_bytes(&self) -> usize {
        self.size.bytes
    }

    /// The document's state was encoded, and this is its size. Whoever has something that did not fit, and
    /// does now, is asked for it.
    pub fn measured(&mut self, bytes: usize, now: Instant) -> Vec<Effect> {
        self.size.bytes = bytes;
        self.size.measured_at = Some(now);
        // A little less, so that a document around the limit is not told of again and again.
        self.size.is_large &= bytes > DOCUMENT_BYTES_ADVISED / 10 * 9;
        if self.size.has_refused { self.ask_for_what_fits() } else { Vec::new() }
    }

    /// Takes an update that adds something into account. False: it does not fit, and its sender was told.
    ///
    /// Deletions are never asked about. A client that was refused something is refused what it adds later
    /// too, until all of it fits: it builds on what is not here.
    pub(super) fn grow(
        &mut self,
        client: ClientId,
        (update, is_step2): (&Bytes, bool),
        updates: &mut Updates,
        effects: &mut Vec<Effect>,
        now: Instant,
    ) -> bool {
        if self.size.is_far_from_limits(update.len()) {
            self.size.bytes += update.len();
            return true;
        }
        // What waits to be applied counts as well.
        self.apply(client, std::mem::take(updates), effects);
        if is_due(self.size.measured_at, MEASURE_INTERVAL, now) {
            match self.document.state() {
                Ok(state) => effects.extend(self.measured(state.len(), now)),
                Err(error) => effects.push(Effect::fail(&error)),
            }
        }
        // An answer may be to an older question, and hold what has come meanwhile.
        let bytes = self.document.growth_by(update);
        let refused = self.seats.get(&client).map_or(0, |seat| seat.refused.bytes);
        // An answer to our step 1 holds everything that we lack. So does what a client that speaks JSON says when it
        // is told the state, which cannot be told from what it says else but by this.
        let is_whole = is_step2 || (self.speaks_json(client) && self.document.leads_up_to(update));
        let needed = if is_whole { bytes } else { bytes.saturating_add(refused) };
        if bytes > 0 && !self.size.fits(needed) {
            self.refuse_growth(client, needed, effects, now);
            return false;
        }
        let settles = |seat: &&mut Seat| is_whole || (seat.member.speaks_json && bytes > 0);
        if let Some(seat) = self.seats.get_mut(&client).filter(settles) {
            seat.refused.bytes = 0;
        }
        self.size.bytes += bytes;
        if !self.size.is_large && self.size.bytes > DOCUMENT_BYTES_ADVISED {
            self.size.is_large = true;
            effects.extend(self.notice(Level::Warning, LARGE_NOTICE));
        }
        true
    }

    fn refuse_growth(&mut self, client: ClientId, needed: usize, effects: &mut Vec<Effect>, now: Instant) {
        self.size.has_refused = true;
        let Size { bytes, bytes_max, .. } = self.size;
        if is_due(self.size.told_all_at, TELL_ALL_INTERVAL, now) {
            self.size.told_all_at = Some(now);
            effects.extend(self.notice(Level::Error, FULL_NOTICE));
            effects.push(Effect::Full { bytes, bytes_max });
        }
        let Some(seat) = self.seats.get_mut(&client) else { return };
        // Until it has come after all, not everything that this client sends is saved.
        seat.lacks = true;
        seat.refused.bytes = needed;
        if is_due(seat.refused.told_at, TELL_CLIENT_INTERVAL, now) {
            seat.refused.told_at = Some(now);
            let message = format!(
                "{needed} more bytes do not fit: the document has {bytes} of at most {bytes_max}; delete something first"
            );
            self.tell(client, &RealtimeError::new(Code::DocumentTooLarge, message), effects);
        }
    }

    fn ask_for_what_fits(&mut self) -> Vec<Effect> {
        let step1 = sync::step1(&self.document.state_vector());
        let mut effects = Vec::new();
        self.size.has_refused = false;
        for (client, seat) in &mut self.seats {
            if seat.refused.bytes > 0 && self.size.fits(seat.refused.bytes) {
                seat.refused.bytes = 0;
                // Clients that speak JSON have no way to be asked; what they send is whole in itself.
                if !seat.member.speaks_json {
                    effects.push(Effect::Send(*client, step1.clone()));
                }
            }
            self.size.has_refused |= seat.refused.bytes > 0;
        }
        effects
    }

    /// Tells a client that comes into a large document.
    pub(super) fn tell_of_size(&self, client: ClientId, effects: &mut Vec<Effect>) {
        let notice = match (self.size.fits(1), self.size.is_large) {
            (false, _) => control::notice(Level::Error, FULL_NOTICE),
            (true, true) => control::notice(Level::Warning, LARGE_NOTICE),
            (true, false) => return,
        };
        effects.push(Effect::Send(client, notice));
    }
}
