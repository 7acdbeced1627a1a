//! Markdown <-> Yjs updates for tools and tests, on libuv's thread pool.

use napi::bindgen_prelude::{AsyncTask, Buffer, Uint8Array};
use napi::{Env, Task};

use super::error::to_js;
use crate::document::xml;
use crate::error::{Code, RealtimeError, Result};

/// The longest text or update that is taken, in bytes.
const INPUT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The Yjs client id of updates made from Markdown outside a room; any number would do.
const CLIENT: u64 = 1;

/// Markdown to be made an update.
pub struct ToUpdate(pub(super) String);

impl Task for ToUpdate {
    type Output = Result<Vec<u8>>;
    type JsValue = Buffer;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let made = check_size(self.0.len()).and_then(|()| xml::markdown_to_update(&self.0, CLIENT));
        Ok(made.map(|update| update.to_vec()))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<Buffer> {
        output.map(Buffer::from).map_err(|error| to_js(&env, &error))
    }
}

/// An update to be made Markdown.
pub struct ToMarkdown(Vec<u8>);

impl ToMarkdown {
    /// Copies the bytes: JavaScript may change its own while another thread reads.
    pub(super) fn task(update: &Uint8Array) -> AsyncTask<Self> {
        AsyncTask::new(Self(update.to_vec()))
    }
}

impl Task for ToMarkdown {
    type Output = Result<String>;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(check_size(self.0.len()).and_then(|()| xml::update_to_markdown(&self.0)))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<String> {
        output.map_err(|error| to_js(&env, &error))
    }
}

fn check_size(bytes: usize) -> Result<()> {
    if bytes > INPUT_BYTES_MAX {
        let message = format!("{bytes} bytes are too many; at most {INPUT_BYTES_MAX} are taken");
        return Err(RealtimeError::new(Code::MessageTooBig, message));
    }
    Ok(())
}
