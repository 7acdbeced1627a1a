//! What follows from what happened in a room.

use bytes::Bytes;

use crate::document::ApplyError;
use crate::ids::ClientId;
use crate::protocol::awareness::Presence;
use crate::protocol::frame::Frame;

/// What the room does about something.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a frame to one client.
    Send(ClientId, Frame),
    /// Append a change to the log, then send its frame to everybody except its author and those who are behind.
    Change {
        /// The change, for the log.
        update: Bytes,
        /// The client that made it.
        author: ClientId,
        /// The frame for the others.
        frame: Frame,
    },
    /// Send a presence state to everybody.
    Presence(Presence),
    /// Once all changes so far are on disk, tell this client.
    Acknowledge(ClientId, Acknowledgement),
    /// Tell the host that a client's frame was refused.
    ApplyFailed(ClientId, String),
    /// Tell the host that something did not fit into the document.
    Full {
        /// How large the document is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// The document is broken: close everybody, drop this state, load again.
    Fail {
        /// What broke it.
        problem: String,
        /// Whose update did, if it was one.
        culprit: Option<ClientId>,
    },
}

impl Effect {
    /// The document broke, and nobody in particular is to blame.
    pub(super) fn fail(error: &ApplyError) -> Self {
        Self::Fail { problem: error.to_string(), culprit: None }
    }
}

/// What a client is told when its edits are on disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Acknowledgement {
    /// Its own update.
    Echo(Frame),
    /// A control message.
    Saved,
}
