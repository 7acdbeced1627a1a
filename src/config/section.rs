//! One section of the settings, read value by value: type and range are checked here.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::complaint::{Complaint, describe};

pub(super) type Checked<T> = Result<T, Complaint>;

/// The shortest time other than zero: anything less would round to nothing in a timer.
const SHORTEST_SECONDS: f64 = 0.001;

pub(super) struct Section<'a> {
    path: String,
    values: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    pub(super) const fn top(values: &'a Map<String, Value>) -> Self {
        Self { path: String::new(), values }
    }

    pub(super) fn section(&self, key: &str) -> Checked<Self> {
        match self.get(key) {
            Value::Object(values) => Ok(Self { path: self.path(key), values }),
            _ => Err(self.complaint(key, "a section")),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Checked<bool> {
        match self.get(key) {
            Value::Bool(flag) => Ok(*flag),
            _ => Err(self.complaint(key, "true or false")),
        }
    }

    /// A flag that may also be written as a text.
    pub(super) fn flag_or_text(&self, key: &str) -> Checked<bool> {
        match self.get(key) {
            Value::String(text) if text == "true" || text == "True" => Ok(true),
            Value::String(text) if text == "false" || text == "False" => Ok(false),
            _ => self.flag(key),
        }
    }

    pub(super) fn whole<T: TryFrom<u64>>(&self, key: &str, range: RangeInclusive<u64>) -> Checked<T> {
        let allowed = || format!("a whole number from {} to {}", range.start(), range.end());
        let number = whole(self.get(key)).filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| self.complaint(key, allowed()))
    }

    pub(super) fn milliseconds(&self, key: &str, max: u64) -> Checked<Duration> {
        let number = whole(self.get(key)).filter(|number| *number <= max);
        number
            .map(Duration::from_millis)
            .ok_or_else(|| self.complaint(key, format!("milliseconds from 0 to {max}, a whole number")))
    }

    pub(super) fn seconds(&self, key: &str, range: RangeInclusive<f64>) -> Checked<Duration> {
        let allowed = || format!("seconds from {} to {}, fractions allowed", range.start(), range.end());
        self.duration(key, &range).ok_or_else(|| self.complaint(key, allowed()))
    }

    /// Seconds where zero stands for something of its own.
    pub(super) fn seconds_or_zero(&self, key: &str, max: f64) -> Checked<Duration> {
        if self.get(key).as_f64() == Some(0.0) {
            return Ok(Duration::ZERO);
        }
        let allowed = || format!("0, or seconds from {SHORTEST_SECONDS} to {max}, fractions allowed");
        self.duration(key, &(SHORTEST_SECONDS..=max)).ok_or_else(|| self.complaint(key, allowed()))
    }

    fn duration(&self, key: &str, range: &RangeInclusive<f64>) -> Option<Duration> {
        let seconds = self.get(key).as_f64().filter(|seconds| range.contains(seconds))?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// A text for which `fits` holds.
    pub(super) fn text(&self, key: &str, allowed: &str, fits: impl Fn(&str) -> bool) -> Checked<String> {
        match self.get(key) {
            Value::String(text) if fits(text) => Ok(text.clone()),
            _ => Err(self.complaint(key, allowed)),
        }
    }

    pub(super) fn optional_text(&self, key: &str) -> Checked<Option<String>> {
        match self.get(key) {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(self.complaint(key, "a text, or nothing")),
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Checked<T> {
        let word = self.get(key).as_str();
        let choice = choices.iter().find(|(name, _)| word == Some(name));
        choice.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.complaint(key, names.join(" or "))
        })
    }

    /// A list of texts, each of which `parse` understands.
    pub(super) fn list<T>(
        &self,
        key: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Checked<Vec<T>> {
        let Value::Array(elements) = self.get(key) else { return Err(self.complaint(key, allowed)) };
        let parsed = elements.iter().enumerate().map(|(index, element)| {
            element.as_str().and_then(&parse).ok_or_else(|| Complaint {
                element: Some(index),
                ..Complaint::new(self.path(key), describe(element), allowed)
            })
        });
        parsed.collect()
    }

    fn get(&self, key: &str) -> &'a Value {
        self.values.get(key).unwrap_or(&Value::Null)
    }

    fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn complaint(&self, key: &str, allowed: impl Into<String>) -> Complaint {
        Complaint::new(self.path(key), describe(self.get(key)), allowed)
    }
}

/// The path of a key in a section; the top section's path is empty.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// A whole number, also one that JavaScript handed over as a float.
fn whole(value: &Value) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        let exact = float.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&float);
        exact.then_some(float as u64)
    })
}
