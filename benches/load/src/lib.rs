//! What the load generator and its servers are made of.
//!
//! - [`wire`]: client frames, envelopes, and the few kinds of updates that writers send
//! - [`client`]: a connection, and all of them in one thread around `epoll`
//! - [`process`]: CPU time and memory of the server, from `/proc`
//! - [`progress`]: what has come, and what is missing in between
//! - [`tally`]: who has heard what, how late, and what is missing
//! - [`report`]: figures, and what server and generator used
//! - [`run`]: the connections of one run, and the steps that scenarios share
//! - [`scenario`]: what is measured

pub mod client;
pub mod process;
pub mod progress;
pub mod report;
pub mod run;
pub mod scenario;
pub mod tally;
pub mod wire;
