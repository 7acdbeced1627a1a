//! A room: people around one document. An actor ([`actor`]) around a pure state ([`state`]).
//!
//! - [`presence`]: who shows what, and which connection may say so
//! - [`state`]: messages in, effects out; no IO, no clock of its own
//! - [`burst`]: what happened in one go, told to each client at once
//! - [`outbox`]: what waits to be written to one client, bounded
//! - [`sessions`]: who is connected, by user; revocation
//! - [`off_thread`]: work that takes milliseconds
//! - [`messages`]: what a room is told and what it needs from around it
//! - [`codec`]: how its document becomes Markdown and back
//! - [`loading`]: where its document comes from
//! - [`saving`]: when and how a room is snapshotted and its draft written
//! - [`actor`]: one task per room; loads it, feeds the state, carries out the effects
//! - [`barred`]: who broke a room, and may not come back for a while
//! - [`places`]: how many rooms there are, of all kinds
//! - [`groups`]: who is in rooms that have no document
//! - [`registry`]: the rooms that are in memory

mod actor;
mod barred;
pub mod burst;
pub mod codec;
pub mod groups;
mod loading;
pub mod messages;
mod off_thread;
pub mod outbox;
pub mod places;
pub mod presence;
pub mod registry;
pub mod saving;
pub mod sessions;
#[cfg(test)]
mod simulation;
pub mod state;
