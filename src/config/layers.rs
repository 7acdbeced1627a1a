//! Defaults, file, object and environment laid over each other, and checked as one.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde_json::{Value, json};

use super::complaint::{Complaint, Place, shown};
use super::layer::{Layer, Source};
use super::section::Section;
use super::yaml::{self, Unreadable, Why};
use super::{Loaded, check, environment, known};
use crate::error::{Code, RealtimeError, Result};

/// Sources of settings. A later one is laid over the earlier ones, and the first over the defaults;
/// what comes out is checked as one.
///
/// ```
/// use civicpress_realtime::config::Layers;
///
/// let loaded = Layers::new()
///     .yaml("realtime: { port: 3002, rooms: { max_rooms: 5 } }", None)?
///     .environment([("CIVIC_REALTIME_PORT", "3003")])?
///     .load()?;
/// assert_eq!((loaded.config.port, loaded.config.rooms.max_rooms), (3003, 5));
/// # Ok::<(), civicpress_realtime::error::RealtimeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Layers {
    layers: Vec<Layer>,
    warnings: Vec<String>,
}

impl Layers {
    /// Nothing but the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a YAML text; `file` is its name for messages. The settings are under the key `realtime`, or,
    /// without it, at the top. A text without values adds nothing.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` if it is too big, not YAML, or not made of sections with keys.
    pub fn yaml(self, text: &str, file: Option<&Path>) -> Result<Self> {
        let value = yaml::parse(text).map_err(|error| unreadable(error, text, file))?;
        self.add(Source::Yaml { text: text.to_owned(), file: file.map(Path::to_owned) }, value)
    }

    /// Adds a YAML file.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid`, with the `reason` `not_found` in its context if there is no such file, `unreadable` if
    /// the system does not give it out, and as [`Layers::yaml`] otherwise.
    pub fn file(self, path: &Path) -> Result<Self> {
        self.yaml(&read(path)?, Some(path))
    }

    /// Adds the host's feature flags: the keys of `features` in a YAML file. Its other features are no
    /// concern of ours, and a file that is not there switches nothing off.
    ///
    /// # Errors
    ///
    /// As [`Layers::file`], but for a missing file.
    pub fn features(self, path: &Path) -> Result<Self> {
        let text = match read(path) {
            Err(error) if error.context.get("reason").is_some_and(|reason| reason == "not_found") => {
                return Ok(self);
            }
            read => read?,
        };
        let value = yaml::parse(&text).map_err(|error| unreadable(error, &text, Some(path)))?;
        let known = known::defaults()?.get("features").and_then(Value::as_object);
        let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
        let given = match value {
            Value::Object(mut top) => top.remove("features"),
            _ => None,
        };
        let features = match given {
            Some(Value::Object(all)) => {
                Value::Object(all.into_iter().filter(|(name, _)| is_known(name)).collect())
            }
            other => other.unwrap_or_default(),
        };
        self.add(Source::Yaml { text, file: Some(path.to_owned()) }, json!({ "features": features }))
    }

    /// Adds an object with the keys of `realtime.yml`.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` if it is not made of sections with keys.
    pub fn object(self, value: Value) -> Result<Self> {
        self.add(Source::Object, value)
    }

    /// Adds those of the variables that are named `CIVIC_REALTIME_` and a key's path in capitals, joined by
    /// `_`. Lists are separated by commas; an empty variable counts as not set. Takes
    /// [`std::env::vars_os`] as it is.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` if such a variable is not Unicode.
    pub fn environment<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Result<Self>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let (values, warnings) = environment::read(variables, known::defaults()?)?;
        self.warnings.extend(warnings);
        self.add(Source::Environment, Value::Object(values))
    }

    /// The settings that come out.
    ///
    /// # Errors
    ///
    /// `ConfigInvalid` for a value of a wrong type, out of its range, or at odds with another. The message and
    /// the context (`file` and `line`, or `variable`; `key`, `found`, `allowed`) say which, and where it was
    /// written.
    pub fn load(self) -> Result<Loaded> {
        let mut merged = known::defaults()?.clone();
        for layer in &self.layers {
            known::overlay(&mut merged, layer.values());
        }
        match check::config(&Section::top(&merged)) {
            Ok(config) => Ok(Loaded { config, warnings: self.warnings }),
            Err(complaint) => {
                let place = self.place_of(&complaint);
                Err(complaint.at(&place))
            }
        }
    }

    fn add(mut self, source: Source, value: Value) -> Result<Self> {
        let known = known::defaults()?;
        let mut layer = Layer::empty(source);
        if let Err(complaint) = layer.fill(value, known) {
            let place = layer.place_of(&complaint.key, None);
            return Err(complaint.at(&place));
        }
        self.warnings.extend(layer.warnings(known));
        self.layers.push(layer);
        Ok(self)
    }

    /// Where the value complained about was set, or else the one that it is at odds with.
    fn place_of(&self, complaint: &Complaint) -> Place {
        let keys = [Some(complaint.key.as_str()), complaint.related];
        let mut places = keys.into_iter().flatten().filter_map(|key| {
            let layer = self.layers.iter().rev().find(|layer| layer.sets(key))?;
            Some(layer.place_of(key, complaint.element))
        });
        places.next().unwrap_or_default()
    }
}

fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    // One byte over the limit is enough to know; what a device or a pipe has to say may have no end.
    let bounded = yaml::FILE_BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(bounded).read_to_end(&mut bytes));
    if let Err(error) = read {
        let (reason, what) = match error.kind() {
            ErrorKind::NotFound => ("not_found", "there is no such file"),
            _ => ("unreadable", "the file cannot be read"),
        };
        let message = format!("{}: {what}: {error}", path.display());
        return Err(Place::file(Some(path), None)
            .note(RealtimeError::new(Code::ConfigInvalid, message).with("reason", reason).caused_by(error)));
    }
    if bytes.len() > yaml::FILE_BYTES_MAX {
        return Err(yaml::too_big().at(&Place::file(Some(path), None)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        Complaint::new("", "bytes that are not UTF-8", "UTF-8 text").at(&Place::file(Some(path), Some(line)))
    })
}

fn unreadable(error: Unreadable, text: &str, file: Option<&Path>) -> RealtimeError {
    let Unreadable { line, why } = error;
    let place = Place::file(file, line);
    let error = match why {
        Why::Refused(mut complaint) => {
            if let Some(rest) =
                complaint.key.strip_prefix(known::TOP_KEY).and_then(|key| key.strip_prefix('.'))
            {
                complaint.key = rest.to_owned();
            }
            return complaint.at(&place);
        }
        Why::Syntax(error) => error,
    };
    let told = error.to_string();
    // The library says the place as well; ours is in the same form as everywhere.
    let problem = told.split(" at line ").next().unwrap_or_default();
    let is_tabbed = |line: &str| line.trim_start_matches(' ').starts_with('\t');
    let tabbed = line.and_then(|line| text.lines().nth(line - 1)).is_some_and(is_tabbed);
    let (found, allowed) = if tabbed {
        ("a tab at the start of the line".to_owned(), "spaces for indentation")
    } else {
        (format!("no YAML ({})", shown(problem)), "YAML")
    };
    let complaint = Complaint::new("", found, allowed);
    complaint.at(&place).caused_by(error)
}
