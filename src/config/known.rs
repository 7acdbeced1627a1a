//! The keys that there are, with their defaults, as `realtime.example.yml` has them.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::complaint::{Complaint, describe};
use super::section::join;
use super::yaml;
use crate::error::{Code, RealtimeError, Result};

/// The text that explains every key and holds its default.
pub const EXAMPLE: &str = include_str!("../../config/realtime.example.yml");

/// The key under which the settings stand in a file.
pub(super) const TOP_KEY: &str = "realtime";

/// Longer keys are compared by their start; none of ours is near it.
const COMPARED_CHARS_MAX: usize = 80;

/// A key of the same name in another section is less likely meant than a similar one in the same.
const OTHER_SECTION_WEIGHT: f64 = 0.8;

static DEFAULTS: LazyLock<Option<Map<String, Value>>> = LazyLock::new(|| match yaml::parse(EXAMPLE) {
    Ok(Value::Object(mut top)) => match top.remove(TOP_KEY) {
        Some(Value::Object(defaults)) => Some(defaults),
        _ => None,
    },
    _ => None,
});

/// All keys and their defaults.
pub(super) fn defaults() -> Result<&'static Map<String, Value>> {
    let broken = || RealtimeError::new(Code::Internal, "the defaults that are compiled in cannot be read");
    DEFAULTS.as_ref().ok_or_else(broken)
}

/// A key of which nothing comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Oddity {
    /// The path of the section it stands in.
    pub(super) section: String,
    /// The key as written; it may hold a dot of its own.
    pub(super) key: String,
    /// Why nothing comes of it.
    pub(super) kind: OddityKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OddityKind {
    /// There is no such key.
    Unknown,
    /// It has no value.
    Empty,
    /// It stands beside the key under which all settings are.
    Outside,
    /// It is an older spelling, and the newer one is there too.
    Superseded,
    /// It is an older spelling; it is read all the same.
    OldSpelling,
}

/// What of `given` is known; the rest goes to `odd`. Fails where a section should be and is not.
pub(super) fn fit(
    given: Map<String, Value>,
    known: &Map<String, Value>,
    section: &str,
    odd: &mut Vec<Oddity>,
) -> std::result::Result<Map<String, Value>, Complaint> {
    let mut fitting = Map::new();
    for (key, value) in given {
        let oddity = |key, kind| Oddity { section: section.to_owned(), key, kind };
        match (known.get(&key), value) {
            (None, _) => odd.push(oddity(key, OddityKind::Unknown)),
            // A section of which all keys are commented out.
            (Some(Value::Object(_)), Value::Null) => {}
            (Some(Value::Object(known)), Value::Object(given)) => {
                let fitted = fit(given, known, &join(section, &key), odd)?;
                fitting.insert(key, Value::Object(fitted));
            }
            (Some(Value::Object(known)), other) => {
                return Err(Complaint::new(join(section, &key), describe(&other), section_of(known)));
            }
            (Some(Value::Null), Value::Null) => {}
            (Some(_), Value::Null) => odd.push(oddity(key, OddityKind::Empty)),
            (Some(_), value) => {
                fitting.insert(key, value);
            }
        }
    }
    Ok(fitting)
}

/// What may stand where a section is expected.
pub(super) fn section_of(known: &Map<String, Value>) -> String {
    let mut keys: Vec<_> = known.keys().map(String::as_str).collect();
    keys.sort_unstable();
    format!("a section with the keys {}", keys.join(", "))
}

/// Lays `upper` over `lower`: sections are merged, everything else replaced.
pub(super) fn overlay(lower: &mut Map<String, Value>, upper: &Map<String, Value>) {
    for (key, value) in upper {
        match (lower.get_mut(key), value) {
            (Some(Value::Object(lower)), Value::Object(upper)) => overlay(lower, upper),
            _ => {
                lower.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The paths of all keys; with `sections`, those of the sections as well.
pub(super) fn paths(known: &Map<String, Value>, sections: bool) -> Vec<String> {
    fn walk(known: &Map<String, Value>, section: &str, sections: bool, paths: &mut Vec<String>) {
        for (key, value) in known {
            let path = join(section, key);
            if let Value::Object(inner) = value {
                walk(inner, &path, sections, paths);
                if !sections {
                    continue;
                }
            }
            paths.push(path);
        }
    }
    let mut all = Vec::new();
    walk(known, "", sections, &mut all);
    all
}

/// The known path that is most like `unknown`.
pub(super) fn nearest<'a>(unknown: &str, paths: &'a [String]) -> Option<&'a str> {
    let unknown: String = unknown.chars().take(COMPARED_CHARS_MAX).collect();
    let likeness = |path: &str| {
        let whole = strsim::normalized_damerau_levenshtein(&unknown, path);
        let ends = strsim::normalized_damerau_levenshtein(last(&unknown), last(path));
        whole.max(ends * OTHER_SECTION_WEIGHT)
    };
    let rated = paths.iter().map(|path| (likeness(path), path.as_str()));
    rated.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, path)| path)
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
