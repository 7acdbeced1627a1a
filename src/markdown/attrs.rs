//! A node's or a mark's attributes.

use std::borrow::Cow;
use std::ops::Index;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Attributes by name. The types of values matter: `level` is a number, not `"2"`. Absent means `null`.
///
/// Nodes have none or a few, most of them named by the schema: a list in the order of names takes one allocation
/// where a map takes one for each name as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attrs(Vec<(Cow<'static, str>, Value)>);

impl Attrs {
    /// No attributes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets a value and gives the one that was there.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: Value) -> Option<Value> {
        let name = name.into();
        match self.place(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.place(name).ok().map(|at| self.0.remove(at).1)
    }

    /// All of them in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Leaves out those that are null.
    pub(crate) fn without_nulls(mut self) -> Self {
        self.0.retain(|(_, value)| !value.is_null());
        self
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, Value)> for Attrs {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(attrs: I) -> Self {
        let attrs = attrs.into_iter();
        let mut all = Self::with_capacity(attrs.size_hint().0);
        for (name, value) in attrs {
            all.insert(name, value);
        }
        all
    }
}

impl<N: Into<Cow<'static, str>>, const LEN: usize> From<[(N, Value); LEN]> for Attrs {
    fn from(attrs: [(N, Value); LEN]) -> Self {
        attrs.into_iter().collect()
    }
}

/// A value, null where there is none.
impl Index<&str> for Attrs {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}

impl Serialize for Attrs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
