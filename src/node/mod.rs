//! The Node.js binding: convert, delegate, convert. The only place that knows napi.
//!
//! - [`realtime_module`]: the class `RealtimeModule`
//! - [`live`]: its part that acts on connections and rooms while they live
//! - [`engine`]: what is behind it: its threads, and the module once it is started
//! - [`markdown`]: its static methods, which run on libuv's thread pool
//! - [`options`]: configurations from JavaScript
//! - [`calls`]: calls into JavaScript from the engine's threads
//! - [`callbacks`]: the host's callbacks as a [`crate::host::Host`]
//! - [`codec`]: the host's codec as a [`crate::host::Codec`]
//! - [`events`]: hooks and log lines on their way to Node's thread: batched, bounded, never waited for
//! - [`logging`]: tracing events as log lines
//! - [`room_type`]: kinds of rooms written in JavaScript
//! - [`snapshot`]: stored snapshots for those who read them beside the engine
//! - [`types`]: what JavaScript gets back
//! - [`values`]: what JavaScript hands over, as JSON
//! - [`runtime`]: the threads of one module
//! - [`error`]: errors as JavaScript sees them

mod callbacks;
mod calls;
mod codec;
mod engine;
mod error;
mod events;
mod live;
mod logging;
mod markdown;
mod options;
mod realtime_module;
mod room_type;
mod runtime;
mod snapshot;
mod types;
mod values;
