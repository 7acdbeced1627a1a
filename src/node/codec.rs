//! The host's codec in JavaScript as a [`Codec`].

use std::sync::Arc;

use bytes::Bytes;
use napi::bindgen_prelude::{Buffer, Object, Uint8Array, Unknown};
use napi::{Either, Env, JsValue, ValueType};

use super::calls::{Callback, NOTHING, ask, method, nonsense};
use super::error::from_napi;
use crate::error::{Code, RealtimeError, Result};
use crate::host::{Codec, HostFuture};

/// What the object with the functions is called in errors.
const OWNER: &str = "host.codec";

/// A codec as JavaScript defined it.
pub(super) struct JsCodec {
    to_markdown: Arc<Callback>,
    from_markdown: Arc<Callback>,
}

impl JsCodec {
    /// Reads `codec: {toMarkdown, fromMarkdown}` of the host; `None` if it has none.
    pub(super) fn read(host: &Object<'_>) -> Result<Option<Self>> {
        let value: Option<Unknown<'_>> = host.get("codec").map_err(|error| from_napi(&error))?;
        let Some(value) = value else { return Ok(None) };
        match value.get_type().map_err(|error| from_napi(&error))? {
            ValueType::Undefined | ValueType::Null => return Ok(None),
            ValueType::Object => {}
            other => return Err(wrong_codec(&other.to_string().to_lowercase())),
        }
        let codec = value.coerce_to_object().map_err(|error| from_napi(&error))?;
        Ok(Some(Self {
            to_markdown: method(&codec, OWNER, "toMarkdown")?,
            from_markdown: method(&codec, OWNER, "fromMarkdown")?,
        }))
    }
}

impl Codec for JsCodec {
    fn write_markdown(&self, update: Bytes) -> HostFuture<String> {
        let update = Buffer::from(Vec::from(update));
        ask(&self.to_markdown, "codec.toMarkdown", Either::B(update), NOTHING, read_text)
    }

    fn read_markdown(&self, markdown: String) -> HostFuture<Bytes> {
        ask(&self.from_markdown, "codec.fromMarkdown", Either::A(markdown.into()), NOTHING, read_bytes)
    }
}

fn read_text(value: &Unknown<'_>, name: &str) -> Result<String> {
    if !matches!(value.get_type(), Ok(ValueType::String)) {
        return Err(nonsense(name, &format!("it is {}; expected a string", kind(value))));
    }
    Env::from_raw(value.value().env).from_js_value(*value).map_err(|error| nonsense(name, &error.reason))
}

/// The bytes are copied: JavaScript may change its own while another thread reads.
fn read_bytes(value: &Unknown<'_>, name: &str) -> Result<Bytes> {
    let wrong = || nonsense(name, &format!("it is {}; expected a Uint8Array", kind(value)));
    if !value.is_typedarray().unwrap_or(false) {
        return Err(wrong());
    }
    // Only what is got out of an object can be read as a typed array.
    let mut holder = Object::new(&Env::from_raw(value.value().env)).map_err(|error| from_napi(&error))?;
    holder.set("bytes", *value).map_err(|error| from_napi(&error))?;
    let bytes: Option<Uint8Array> = holder.get("bytes").map_err(|_| wrong())?;
    bytes.map(|bytes| Bytes::copy_from_slice(&bytes)).ok_or_else(wrong)
}

fn kind(value: &Unknown<'_>) -> String {
    let kind =
        value.get_type().map_or_else(|_| "unreadable".to_owned(), |kind| kind.to_string().to_lowercase());
    match kind.as_str() {
        "object" if value.is_array().unwrap_or(false) => "an array".to_owned(),
        "object" if value.is_typedarray().unwrap_or(false) => "another typed array".to_owned(),
        "object" => "an object".to_owned(),
        "undefined" | "null" | "unreadable" => kind,
        _ => format!("a {kind}"),
    }
}

fn wrong_codec(found: &str) -> RealtimeError {
    let message =
        format!("{OWNER} is {found}; expected an object with the functions toMarkdown and fromMarkdown");
    RealtimeError::new(Code::ConfigInvalid, message).with("key", OWNER).with("found", found)
}
