//! What is wrong with a setting, and the error that says so.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Code, RealtimeError};

/// A value, a text or a key in a message is cut after this many characters.
const SHOWN_CHARS_MAX: usize = 100;

/// What is wrong, before it is known where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The key's path; empty for the whole.
    pub(super) key: String,
    /// Which element, if the value is a list.
    pub(super) element: Option<usize>,
    /// The other key of a relation: it may be this one that somebody set wrong.
    pub(super) related: Option<&'static str>,
    /// What stands there.
    pub(super) found: String,
    /// What may stand there.
    pub(super) allowed: String,
}

impl Complaint {
    pub(super) fn new(key: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        let (key, found, allowed) = (key.into(), found.into(), allowed.into());
        Self { key, element: None, related: None, found, allowed }
    }

    pub(super) fn at(self, place: &Place) -> RealtimeError {
        let Self { key, found, allowed, .. } = self;
        let key = shown(&key);
        let start = match (place.label(), key.as_str()) {
            (label, "") => label,
            (label, key) if label.is_empty() => format!("{key}: "),
            (label, key) => format!("{label}{key}: "),
        };
        let mut error =
            RealtimeError::new(Code::ConfigInvalid, format!("{start}found {found}; allowed: {allowed}"))
                .with("reason", "invalid")
                .with("found", found)
                .with("allowed", allowed);
        if !key.is_empty() {
            error = error.with("key", key);
        }
        place.note(error)
    }
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) file: Option<PathBuf>,
    pub(super) line: Option<usize>,
    pub(super) variable: Option<String>,
}

impl Place {
    pub(super) fn file(file: Option<&Path>, line: Option<usize>) -> Self {
        Self { file: file.map(Path::to_owned), line, variable: None }
    }

    pub(super) fn variable(name: impl Into<String>) -> Self {
        Self { variable: Some(name.into()), ..Self::default() }
    }

    /// The start of a message about it, such as `realtime.yml:12: `.
    pub(super) fn label(&self) -> String {
        match (&self.variable, &self.file, self.line) {
            (Some(variable), ..) => format!("{variable}: "),
            (None, Some(file), Some(line)) => format!("{}:{line}: ", file.display()),
            (None, Some(file), None) => format!("{}: ", file.display()),
            (None, None, Some(line)) => format!("line {line}: "),
            (None, None, None) => String::new(),
        }
    }

    /// Adds the place to an error's facts.
    pub(super) fn note(&self, mut error: RealtimeError) -> RealtimeError {
        if let Some(file) = &self.file {
            error = error.with("file", file.display().to_string());
        }
        if let Some(line) = self.line {
            error = error.with("line", line);
        }
        if let Some(variable) = &self.variable {
            error = error.with("variable", variable.as_str());
        }
        error
    }
}

/// A value for a message: short, on one line, never a whole list or section.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{}\"", shown(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a section".to_owned(),
    }
}

/// Somebody's text for a message: cut, and without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars().take(SHOWN_CHARS_MAX) {
        match char {
            '\'' | '"' | '\\' => shown.push(char),
            other => shown.extend(other.escape_debug()),
        }
    }
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
