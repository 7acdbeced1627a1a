//! What JavaScript hands over, as JSON. It is read as deep as any answer or configuration goes and no
//! deeper: an object may well hold itself.

use napi::bindgen_prelude::{JsObjectValue, Object, Unknown};
use napi::{Env, JsValue, ValueType};
use serde_json::{Map, Value};

use super::error::from_napi;
use crate::error::{Code, RealtimeError, Result};

/// What lies deeper counts as null. The deepest key of a configuration is a list under two sections.
const DEPTH_MAX: usize = 5;

/// The most values in one object, its parts' included.
const VALUES_MAX: usize = 20_000;

/// Reads a value; functions and the like, and what lies too deep, as null.
pub(super) fn read(value: &Unknown<'_>) -> Result<Value> {
    Reader { left: VALUES_MAX }.read(value, 0)
}

struct Reader {
    /// How many values may still be read.
    left: usize,
}

impl Reader {
    fn read(&mut self, value: &Unknown<'_>, depth: usize) -> Result<Value> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            RealtimeError::new(Code::ConfigInvalid, format!("it holds more than {VALUES_MAX} values"))
        })?;
        match value.get_type().map_err(|error| from_napi(&error))? {
            ValueType::Boolean | ValueType::Number | ValueType::String | ValueType::BigInt => {
                let env = Env::from_raw(value.value().env);
                env.from_js_value(*value).map_err(|error| from_napi(&error))
            }
            ValueType::Object if depth < DEPTH_MAX => self.read_object(value, depth),
            _ => Ok(Value::Null),
        }
    }

    fn read_object(&mut self, value: &Unknown<'_>, depth: usize) -> Result<Value> {
        let failed = |error: napi::Error| from_napi(&error);
        let object = value.coerce_to_object().map_err(failed)?;
        if value.is_array().map_err(failed)? {
            let count = object.get_array_length().map_err(failed)?;
            let elements = (0..count).map(|index| {
                let element: Unknown<'_> = object.get_element(index).map_err(failed)?;
                self.read(&element, depth + 1)
            });
            return elements.collect::<Result<_>>().map(Value::Array);
        }
        let mut fields = Map::new();
        for name in Object::keys(&object).map_err(failed)? {
            let field: Unknown<'_> = object.get_named_property(&name).map_err(failed)?;
            // As in JSON, a field that is undefined is none.
            if !matches!(field.get_type(), Ok(ValueType::Undefined)) {
                fields.insert(name, self.read(&field, depth + 1)?);
            }
        }
        Ok(Value::Object(fields))
    }
}
