//! A node's or a mark's attributes.

use std::borrow::Cow;
use std::ops::Index;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// One of them.
pub(crate) type Attr = (Cow<'static, str>, Value);

/// Attributes by name. The types of values matter: `level` is a number, not `"2"`. Absent means `null`.
///
/// Nodes have none or a few, many have the same, such as the cells of a table's column, and hardly any
/// ever change: a list in the order of names that is shared by its copies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attrs(
    /// Never an empty list.
    Option<Arc<[Attr]>>,
);

impl Attrs {
    /// No attributes.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// All of them in the order of names.
    pub(crate) fn all(&self) -> &[Attr] {
        self.0.as_deref().unwrap_or_default()
    }

    /// From a list in the order of names, of which each is there once.
    pub(crate) fn sorted(all: impl Into<Arc<[Attr]>>) -> Self {
        Self(Some(all.into()).filter(|all: &Arc<[Attr]>| !all.is_empty()))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.all().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets a value and gives the one that was there.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, value: Value) -> Option<Value> {
        let name = name.into();
        let mut all = self.all().to_vec();
        let before = match all.binary_search_by(|(known, _)| known.cmp(&name)) {
            Ok(at) => Some(std::mem::replace(&mut all[at].1, value)),
            Err(at) => {
                all.insert(at, (name, value));
                None
            }
        };
        *self = Self::sorted(all);
        before
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let mut all = self.all().to_vec();
        let at = all.iter().position(|(known, _)| known == name)?;
        let (_, value) = all.remove(at);
        *self = Self::sorted(all);
        Some(value)
    }

    /// All of them in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.all().iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Leaves out those that are null.
    pub(crate) fn without_nulls(self) -> Self {
        if self.iter().all(|(_, value)| !value.is_null()) {
            return self;
        }
        let others: Vec<Attr> = self.all().iter().filter(|(_, value)| !value.is_null()).cloned().collect();
        Self::sorted(others)
    }
}

/// Of a name that is there twice, the last value counts.
impl<N: Into<Cow<'static, str>>> FromIterator<(N, Value)> for Attrs {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(attrs: I) -> Self {
        let mut all: Vec<Attr> = attrs.into_iter().map(|(name, value)| (name.into(), value)).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Self::sorted(all)
    }
}

impl<N: Into<Cow<'static, str>>, const LEN: usize> From<[(N, Value); LEN]> for Attrs {
    fn from(attrs: [(N, Value); LEN]) -> Self {
        let attrs = attrs.map(|(name, value)| (name.into(), value));
        if attrs.is_sorted_by(|(a, _), (b, _)| a < b) {
            Self::sorted(attrs)
        } else {
            attrs.into_iter().collect()
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_names_however_they_come() {
        let mut one = Attrs::from([("b", 1.into()), ("a", 2.into()), ("b", 3.into())]);
        assert_eq!(one.iter().collect::<Vec<_>>(), [("a", &2.into()), ("b", &3.into())]);
        let mut other = Attrs::from([("a", 2.into())]);
        assert_eq!(other.insert("b", 3.into()), None);
        assert_eq!(one, other);
        assert_eq!(one.insert("a", 4.into()), Some(2.into()));
        assert_eq!((one["a"].clone(), other["a"].clone()), (4.into(), 2.into()));
        assert_eq!(other.remove("c"), None);
        assert_eq!(other.remove("b"), Some(3.into()));
        assert_eq!(other.remove("a"), Some(2.into()));
        assert_eq!(other, Attrs::new());
        assert_eq!(Attrs::from([("a", Value::Null)]).without_nulls(), Attrs::new());
    }
}
