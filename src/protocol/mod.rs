//! WebSocket payloads <-> messages. No IO and no state: bytes in, values out.
//!
//! - [`wire`]: the variable-length integers and byte strings of lib0
//! - [`sync`]: what a client's binary frame asks for, and the frames that answer it
//! - [`update`]: the structural check that every update passes before yrs sees it
//! - [`gaps`]: updates of which something has not come yet
//! - [`nesting`]: how deep its shared types stand in one another
//! - [`awareness`]: presence states
//! - [`control`]: JSON text frames
//! - [`json`]: the JSON document protocol
//! - [`messages`]: a client's WebSocket frames -> messages
//! - [`frame`]: WebSocket frames of the server, built once and shared
//! - [`deflate`]: messages compressed and inflated

pub mod awareness;
pub mod control;
pub mod deflate;
pub mod frame;
pub mod gaps;
pub mod json;
pub mod marks;
pub mod messages;
pub mod nesting;
pub mod sync;
pub mod update;
pub mod wire;
