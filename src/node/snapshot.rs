//! Stored snapshots for those who read them beside the engine, on libuv's thread pool.

use napi::bindgen_prelude::{AsyncTask, Buffer, Uint8Array};
use napi::{Env, Task};

use super::error::to_js;
use crate::error::{Code, RealtimeError, Result};
use crate::store::decompress_snapshot;

/// A compressed snapshot to be made a document's state.
pub struct Decompress {
    stored: Vec<u8>,
    byte_size: u64,
}

impl Decompress {
    /// Copies the bytes: JavaScript may change its own while another thread reads.
    pub(super) fn task(stored: &Uint8Array, byte_size: f64) -> AsyncTask<Self> {
        // What is no size allows no byte.
        AsyncTask::new(Self { stored: stored.to_vec(), byte_size: byte_size as u64 })
    }
}

impl Task for Decompress {
    type Output = Result<Vec<u8>>;
    type JsValue = Buffer;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(decompress_snapshot(&self.stored, self.byte_size).map_err(|problem| {
            RealtimeError::new(Code::StorageFailed, format!("the snapshot cannot be read: {problem}"))
        }))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<Buffer> {
        output.map(Buffer::from).map_err(|error| to_js(&env, &error))
    }
}
