//! What the load generator and its servers are made of.
//!
//! - [`wire`]: client frames, envelopes, and the few kinds of updates that writers send
//! - [`client`]: a connection, and all of them in one thread around `epoll`
//! - [`process`]: CPU time and memory of the server, from `/proc`
//! - [`tally`]: who has heard what, how late, and what is missing
//! - [`scenario`]: what is measured

pub mod client;
pub mod process;
pub mod scenario;
pub mod tally;
pub mod wire;
