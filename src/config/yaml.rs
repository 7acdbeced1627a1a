//! YAML text -> plain values, bounded in every direction; and the line on which a key stands.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};

use super::complaint::Complaint;
use super::section::join;

/// The largest file that is read.
pub(super) const FILE_BYTES_MAX: usize = 64 * 1024;
/// Values in a file, with each alias counted as all that it stands for.
const VALUES_MAX: usize = 10_000;
/// `[` and `{` in a file. The library's time grows with the square of those that are open.
const BRACKETS_MAX: usize = 4_096;
/// Levels of nesting; the settings have three.
const LEVELS_MAX: usize = 16;

/// Why a text cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) line: Option<usize>,
    pub(super) why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    /// It is YAML, but not such as we take.
    Refused(Complaint),
    /// It is no YAML.
    Syntax(serde_yaml::Error),
}

/// Reads one document; nothing at all is `Null`.
pub(super) fn parse(text: &str) -> Result<Value, Unreadable> {
    let refused = |complaint| Err(Unreadable { line: None, why: Why::Refused(complaint) });
    if text.len() > FILE_BYTES_MAX {
        return refused(too_big());
    }
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > BRACKETS_MAX {
        return refused(Complaint::new("", "more brackets", format!("up to {BRACKETS_MAX} of `[` and `{{`")));
    }
    let reading = Reading { values: Cell::new(0), refusal: RefCell::new(None) };
    let tree = Tree { reading: &reading, path: String::new(), level: 0 };
    let mut documents = serde_yaml::Deserializer::from_str(text);
    // Even an empty text is one document.
    let Some(document) = documents.next() else { return Ok(Value::Null) };
    let value = tree.deserialize(document).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let why = reading.refusal.into_inner().map_or(Why::Syntax(error), Why::Refused);
        Unreadable { line, why }
    })?;
    if documents.next().is_some() {
        return refused(Complaint::new("", "a second document (`---`)", "one document"));
    }
    Ok(value)
}

/// The complaint about a file that is over the limit.
pub(super) fn too_big() -> Complaint {
    let allowed = format!("a file of up to {FILE_BYTES_MAX} bytes");
    Complaint::new("", "a larger file", allowed)
}

/// The line, from 1, on which the key at this path is written; for an empty path, where the text begins.
/// An element of a list has its index as the last part.
pub(super) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    // The library tells places only with errors. So the text is read again, up to an error of our own at that place.
    let error = Find { path }.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    error.location().map(|location| location.line())
}

/// What is shared by all values of one text.
struct Reading {
    values: Cell<usize>,
    refusal: RefCell<Option<Complaint>>,
}

impl Reading {
    /// Ends the reading; the library adds the place to the error.
    fn refuse<E: serde::de::Error>(
        &self,
        path: &str,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) -> E {
        *self.refusal.borrow_mut() = Some(Complaint::new(path, found, allowed));
        E::custom("refused")
    }
}

/// Reads one value.
struct Tree<'a> {
    reading: &'a Reading,
    path: String,
    level: usize,
}

impl Tree<'_> {
    fn child(&self, path: String) -> Self {
        Tree { path, level: self.level + 1, ..*self }
    }

    fn check_depth<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.level >= LEVELS_MAX {
            let allowed = format!("at most {LEVELS_MAX} levels");
            return Err(self.reading.refuse(&self.path, "too many levels of nesting", allowed));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::String(number.to_string()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::String(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // Infinity and not-a-number have no place among plain values; no setting takes them.
        Ok(Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Counted(self.child(self.path.clone())))? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut section = Map::new();
        while let Some(key) = entries.next_key_seed(Key { tree: &self, section: &section })? {
            let child = self.child(join(&self.path, &key));
            section.insert(key, entries.next_value_seed(Counted(child))?);
        }
        Ok(Value::Object(section))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(self.reading.refuse(&self.path, "a YAML tag (`!`)", "a plain value"))
    }
}

/// A value that counts towards the limit; thus aliases of aliases come to an end.
struct Counted<'a>(Tree<'a>);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Self(tree) = self;
        let values = tree.reading.values.get() + 1;
        tree.reading.values.set(values);
        if values > VALUES_MAX {
            return Err(tree.reading.refuse(
                &tree.path,
                "too many values",
                format!("at most {VALUES_MAX} values"),
            ));
        }
        tree.deserialize(deserializer)
    }
}

/// Reads a key that is not in the section yet.
struct Key<'a> {
    tree: &'a Tree<'a>,
    section: &'a Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        // As a text: the keys `1` and `true` are then what is written there.
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<String, E> {
        if self.section.contains_key(key) {
            let path = join(&self.tree.path, key);
            return Err(self.tree.reading.refuse(&path, "the key a second time", "each key once"));
        }
        Ok(key.to_owned())
    }
}

/// Fails at the place it looks for, and nowhere else.
struct Find<'a> {
    path: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for Find<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Find<'_> {
    type Value = ();

    // A scalar is refused by the trait's defaults: only what is looked for is read as a value.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Some((index, rest)) = self.path.split_first() else { return Err(A::Error::custom("here")) };
        let mut position = 0;
        loop {
            let found = if index.parse() == Ok(position) {
                elements.next_element_seed(Find { path: rest })?.is_some()
            } else {
                elements.next_element::<IgnoredAny>()?.is_some()
            };
            if !found {
                return Ok(());
            }
            position += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((key, rest)) = self.path.split_first() else { return Err(A::Error::custom("here")) };
        while let Some(found) = entries.next_key_seed(FindKey { key, is_place: rest.is_empty() })? {
            if found {
                entries.next_value_seed(Find { path: rest })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Says whether a key is the one looked for, and fails there if it is the end of the path.
struct FindKey<'a> {
    key: &'a str,
    is_place: bool,
}

impl<'de> DeserializeSeed<'de> for FindKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FindKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match (key == self.key, self.is_place) {
            (true, true) => Err(E::custom("here")),
            (is_key, _) => Ok(is_key),
        }
    }
}
