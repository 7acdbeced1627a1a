//! Errors as JavaScript sees them: an `Error` with `code`, `statusCode` and `context`.

use napi::bindgen_prelude::{JsObjectValue, Object};
use napi::{Env, JsValue};

use crate::error::{Code, RealtimeError, Result};

/// The error as a value to throw or to reject with.
pub(super) fn to_js(env: &Env, error: &RealtimeError) -> napi::Error {
    match build(env, error) {
        Ok(object) => napi::Error::from_unknown_without_coercion(object.to_unknown()),
        // Not even an object can be made: the message must do.
        Err(_) => napi::Error::from_reason(format!("{}: {}", error.code, error.message)),
    }
}

/// The value, or its error thrown.
pub(super) fn or_throw<T>(env: &Env, result: Result<T>) -> napi::Result<T> {
    result.map_err(|error| to_js(env, &error))
}

fn build<'env>(env: &'env Env, error: &RealtimeError) -> napi::Result<Object<'env>> {
    let mut object = env.create_error(napi::Error::from_reason(&error.message))?;
    object.set_named_property("code", error.code.as_str())?;
    object.set_named_property("statusCode", u32::from(error.code.status()))?;
    object.set_named_property("context", error.context.clone())?;
    if let Some(source) = &error.source {
        let cause = env.create_error(napi::Error::from_reason(source.to_string()))?;
        object.set_named_property("cause", cause)?;
    }
    Ok(object)
}

/// napi itself failed, which only a broken or ending environment makes it do.
pub(super) fn from_napi(error: &napi::Error) -> RealtimeError {
    RealtimeError::new(Code::Internal, format!("Node.js refused a call: {}", error.reason))
}
