//! Settings from environment variables. Their names follow from the keys.

use std::ffi::OsString;

use serde_json::{Map, Number, Value};

use super::complaint::{Complaint, Place, shown};
use super::known;
use crate::error::Result;

const PREFIX: &str = "CIVIC_REALTIME_";

/// The variable that overrides a key: `rooms.max_rooms` -> `CIVIC_REALTIME_ROOMS_MAX_ROOMS`.
pub(super) fn name_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_ascii_uppercase())
}

/// Picks the variables that are ours. The result has the sections and types of the defaults, where the text
/// can be understood so; else the text itself, which is complained about when it is checked.
pub(super) fn read<K, V>(
    variables: impl IntoIterator<Item = (K, V)>,
    defaults: &Map<String, Value>,
) -> Result<(Map<String, Value>, Vec<String>)>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let paths = known::paths(defaults, false);
    let names: Vec<String> = paths.iter().map(|path| name_of(path)).collect();
    let mut values = Map::new();
    let mut warnings = Vec::new();
    for (name, value) in variables {
        // A name that is not Unicode is not one of ours.
        let Ok(name) = name.into().into_string() else { continue };
        if !name.starts_with(PREFIX) {
            continue;
        }
        let Some(index) = names.iter().position(|known| *known == name) else {
            let nearest = known::nearest(&name, &names).unwrap_or_default();
            let name = shown(&name);
            warnings
                .push(format!("unknown variable `{name}` is ignored; the nearest known one is `{nearest}`"));
            continue;
        };
        let text = value.into().into_string().map_err(|_| {
            Complaint::new(&paths[index], "bytes that are not UTF-8", "a text").at(&Place::variable(&name))
        })?;
        if !text.is_empty() {
            set(&mut values, defaults, &paths[index], &text);
        }
    }
    Ok((values, warnings))
}

fn set(values: &mut Map<String, Value>, defaults: &Map<String, Value>, path: &str, text: &str) {
    match path.split_once('.') {
        None => {
            let default = defaults.get(path).unwrap_or(&Value::Null);
            values.insert(path.to_owned(), typed(text, default));
        }
        Some((section, rest)) => {
            let empty = || Value::Object(Map::new());
            let inner = values.entry(section).or_insert_with(empty);
            if let (Value::Object(inner), Some(Value::Object(defaults))) = (inner, defaults.get(section)) {
                set(inner, defaults, rest, text);
            }
        }
    }
}

/// The text as a value of the default's type.
fn typed(text: &str, default: &Value) -> Value {
    let given = || Value::String(text.to_owned());
    match default {
        Value::Bool(_) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        Value::Bool(_) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        Value::Number(_) => number(text.trim()).map_or_else(given, Value::Number),
        Value::Array(_) => {
            let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
            elements.map(|element| Value::String(element.to_owned())).collect()
        }
        _ => given(),
    }
}

fn number(text: &str) -> Option<Number> {
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => Number::from_f64(text.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut names: Vec<_> =
            known::paths(known::defaults().unwrap(), true).iter().map(|path| name_of(path)).collect();
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
