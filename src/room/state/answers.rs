//! What clients that come, or come back, lack: encoded once, and shared by all who lack the same.

use bytes::Bytes;

use super::RoomState;
use crate::document::ApplyError;
use crate::protocol::frame::Frame;
use crate::protocol::sync;

/// The state vector of who has nothing.
const NOTHING: &[u8] = &[0];

/// Frames that answer a step 1, for as long as the document stays as it is.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Of the document that they are of.
    generation: u64,
    /// For who has nothing: the whole state.
    whole: Option<Frame>,
    /// For the state vector that was asked with last: after a restart all come back with the same.
    last: Option<(Bytes, Frame)>,
}

impl RoomState {
    /// The whole state.
    pub(super) fn whole_state(&mut self) -> Result<Frame, ApplyError> {
        if let Some(frame) = &self.answers().whole {
            return Ok(frame.clone());
        }
        self.encodings += 1;
        let frame = sync::step2(&self.document.state()?);
        self.answers.whole = Some(frame.clone());
        Ok(frame)
    }

    /// What somebody with this state vector lacks.
    pub(super) fn answer(&mut self, state_vector: &Bytes) -> Result<Frame, ApplyError> {
        if state_vector == NOTHING {
            return self.whole_state();
        }
        if let Some((asked, frame)) = &self.answers().last
            && asked == state_vector
        {
            return Ok(frame.clone());
        }
        self.encodings += 1;
        let frame = sync::step2(&self.document.diff(state_vector)?);
        self.answers.last = Some((Bytes::copy_from_slice(state_vector), frame.clone()));
        Ok(frame)
    }

    fn answers(&mut self) -> &Answers {
        let generation = self.document.generation();
        if self.answers.generation != generation {
            self.answers = Answers { generation, ..Answers::default() };
        }
        &self.answers
    }

    /// The document has changed: frames as large as it is are not kept for nobody.
    pub(super) fn forget_answers(&mut self) {
        self.answers = Answers::default();
    }
}
