//! Realtime collaboration for CivicPress records: rooms, CRDT merging and a WebSocket server that
//! live beside a host application, on threads of their own.
//!
//! The modules in reading order. Each uses only those above it, but for two pairs that know each other:
//! `error` and `ids`, `room` and `room_type`.
//!
//! - `blocking`: work that would hold up other tasks
//! - [`clock`]: the wall clock, for timestamps that leave the process, and the one waits go by
//! - [`error`]: every way to fail, with its code, HTTP status and WebSocket close code
//! - [`ids`]: room, client and user ids, checked once and valid ever after
//! - [`config`]: `realtime.yml`, its defaults and its complaints
//! - [`limits`]: token buckets and connection counters; time is a parameter
//! - [`host`]: what the engine asks of the application that embeds it
//! - [`hooks`]: what it tells it
//! - [`metrics`]: counters of what happened
//! - [`protocol`]: WebSocket payloads <-> messages, binary and JSON, without IO
//! - [`markdown`]: the editor's document model <-> Markdown text
//! - [`document`]: one room's CRDT document: apply, diff, seed, render, merge what was edited elsewhere
//! - [`store`]: update log, snapshots and notes of the host's texts, on disk
//! - [`room`]: an actor around a pure state, and the registry of live rooms
//! - [`room_type`]: kinds of rooms that the application brings along
//! - [`server`]: the listener, who is let in, one connection's reader and writer
//! - [`module`]: the whole thing as one value: start, ask, moderate, shut down
//! - `node`: the Node.js binding of that value

mod blocking;
pub mod clock;
pub mod config;
pub mod document;
pub mod error;
pub mod hooks;
pub mod host;
pub mod ids;
pub mod limits;
pub mod markdown;
pub mod metrics;
pub mod module;
#[cfg(feature = "node")]
mod node;
pub mod protocol;
pub mod room;
pub mod room_type;
pub mod server;
pub mod store;
