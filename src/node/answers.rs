//! What a callback of the host answered, as far as it is read.
//!
//! A host may answer with an object of its own, such as a row of its database, that leads from object to
//! object in circles. So an answer is not taken over whole: only the fields that are known are looked at.

use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object, Unknown};
use napi::{Env, JsValue, ValueType};
use serde_json::{Map, Value};

/// What is read of an answer.
pub(super) enum Shape {
    /// Nothing.
    Ignored,
    /// A text, a number, a truth value or nothing; of an object no more than that it is one.
    Plain,
    /// These fields of an object; anything else as [`Shape::Plain`].
    Fields(&'static [(&'static str, Shape)]),
}

/// Reads a value; what is `undefined` counts as `null`.
pub(super) fn read(value: &Unknown<'_>, shape: &Shape) -> napi::Result<Value> {
    if matches!(shape, Shape::Ignored) {
        return Ok(Value::Null);
    }
    match (value.get_type()?, shape) {
        (ValueType::Undefined | ValueType::Null, _) => Ok(Value::Null),
        (ValueType::Object, Shape::Fields(fields)) => {
            let object = Object::from_unknown(*value)?;
            let mut read_fields = Map::new();
            for (name, shape) in *fields {
                let field: Unknown<'_> = object.get_named_property(name)?;
                read_fields.insert((*name).to_owned(), read(&field, shape)?);
            }
            Ok(Value::Object(read_fields))
        }
        (ValueType::Object, _) => Ok(Value::Object(Map::new())),
        _ => Env::from_raw(value.value().env).from_js_value(*value),
    }
}
