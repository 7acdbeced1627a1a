//! One source of settings: what is known of it, where in it a key stands, and what is odd about it.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::complaint::{Complaint, Place, describe, shown};
use super::environment;
use super::known::{self, Oddity, OddityKind, TOP_KEY};
use super::section::{Checked, join};
use super::yaml;

/// Beyond this many, odd keys are only counted: to find its line, each costs a look at the whole file.
const WARNINGS_MAX: usize = 20;

/// The older and the newer name of a section.
const OLD_SPELLING: (&str, &str) = ("snapshot", "snapshots");

/// Where settings come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A YAML text, and the file's name if it has one.
    Yaml { text: String, file: Option<PathBuf> },
    /// An object of the host.
    Object,
    /// Environment variables.
    Environment,
}

/// A source of settings, read.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    source: Source,
    values: Map<String, Value>,
    odd: Vec<Oddity>,
    /// Whether the settings are under [`TOP_KEY`].
    nested: bool,
}

impl Layer {
    /// A source that holds nothing yet.
    pub(super) fn empty(source: Source) -> Self {
        Self { source, values: Map::new(), odd: Vec::new(), nested: false }
    }

    /// Known keys and their values.
    pub(super) const fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// Takes from `value` the keys that are known. The complaint is about this source.
    pub(super) fn fill(&mut self, value: Value, known: &Map<String, Value>) -> Checked<()> {
        let given = Self::section(value, known)?;
        let given = match given.get(TOP_KEY) {
            Some(_) => self.unwrap(given, known)?,
            None => given,
        };
        let given = self.rename(given);
        self.values = known::fit(given, known, "", &mut self.odd)?;
        Ok(())
    }

    fn section(value: Value, known: &Map<String, Value>) -> Checked<Map<String, Value>> {
        match value {
            Value::Null => Ok(Map::new()),
            Value::Object(given) => Ok(given),
            other => Err(Complaint::new("", describe(&other), known::section_of(known))),
        }
    }

    /// The settings under the top key; nothing comes of what stands beside it.
    fn unwrap(
        &mut self,
        given: Map<String, Value>,
        known: &Map<String, Value>,
    ) -> Checked<Map<String, Value>> {
        self.nested = true;
        let mut settings = Value::Null;
        for (key, value) in given {
            if key == TOP_KEY {
                settings = value;
            } else {
                self.note(key, OddityKind::Outside);
            }
        }
        Self::section(settings, known)
    }

    fn rename(&mut self, mut given: Map<String, Value>) -> Map<String, Value> {
        let (old, new) = OLD_SPELLING;
        let Some(value) = given.remove(old) else { return given };
        if given.contains_key(new) {
            self.note(old.to_owned(), OddityKind::Superseded);
        } else {
            self.note(old.to_owned(), OddityKind::OldSpelling);
            given.insert(new.to_owned(), value);
        }
        given
    }

    fn note(&mut self, key: String, kind: OddityKind) {
        self.odd.push(Oddity { section: String::new(), key, kind });
    }

    /// Whether this source sets the key.
    pub(super) fn sets(&self, path: &str) -> bool {
        let mut parts = path.split('.');
        let first = parts.next().and_then(|key| self.values.get(key));
        parts.fold(first, |value, key| value?.get(key)).is_some()
    }

    /// Where a key stands in this source; `element` is its place in a list.
    pub(super) fn place_of(&self, key: &str, element: Option<usize>) -> Place {
        match &self.source {
            Source::Object => Place::default(),
            Source::Environment => Place::variable(environment::name_of(key)),
            Source::Yaml { file, .. } => {
                let element = element.map(|index| index.to_string());
                let mut path: Vec<&str> = key.split('.').filter(|part| !part.is_empty()).collect();
                path.extend(element.as_deref());
                let mut line = self.line(&path, self.nested);
                if let (None, Some(first)) =
                    (line, path.first_mut().filter(|first| **first == OLD_SPELLING.1))
                {
                    *first = OLD_SPELLING.0;
                    line = self.line(&path, self.nested);
                }
                Place::file(file.as_deref(), line)
            }
        }
    }

    fn line(&self, path: &[&str], nested: bool) -> Option<usize> {
        let Source::Yaml { text, .. } = &self.source else { return None };
        let top = nested.then_some(TOP_KEY);
        let path: Vec<&str> = top.into_iter().chain(path.iter().copied()).collect();
        yaml::line_of(text, &path)
    }

    /// A sentence about each key of which nothing comes, or that has an older name.
    pub(super) fn warnings(&self, known: &Map<String, Value>) -> Vec<String> {
        let mut paths = known::paths(known, true);
        if !self.nested {
            paths.push(TOP_KEY.to_owned());
        }
        let mut warnings: Vec<_> =
            self.odd.iter().take(WARNINGS_MAX).map(|oddity| self.warning(oddity, &paths)).collect();
        if let Some(more @ 1..) = self.odd.len().checked_sub(WARNINGS_MAX) {
            warnings.push(format!("{}{more} more such keys", self.file().label()));
        }
        warnings
    }

    fn warning(&self, oddity: &Oddity, paths: &[String]) -> String {
        let path = join(&oddity.section, &oddity.key);
        let key = shown(&path);
        let text = match oddity.kind {
            OddityKind::Unknown if paths.contains(&path) => {
                format!(
                    "`{key}` is written as one key and ignored; write each part as a key inside the one before"
                )
            }
            OddityKind::Unknown => {
                let nearest = known::nearest(&path, paths).unwrap_or_default();
                format!("unknown key `{key}` is ignored; the nearest known key is `{nearest}`")
            }
            OddityKind::Empty => format!("`{key}` has no value and is ignored"),
            OddityKind::Outside => format!("`{key}` stands outside `{TOP_KEY}` and is ignored"),
            OddityKind::Superseded => {
                format!(
                    "`{key}` is the older spelling of `{}`, which is there too; it is ignored",
                    OLD_SPELLING.1
                )
            }
            OddityKind::OldSpelling => {
                format!(
                    "`{key}` is the older spelling of `{}`; it is read, but please rename it",
                    OLD_SPELLING.1
                )
            }
        };
        format!("{}{text}", self.place_of_odd(oddity).label())
    }

    fn place_of_odd(&self, oddity: &Oddity) -> Place {
        // Not by its joined path: the key may hold dots of its own.
        let mut path: Vec<&str> = oddity.section.split('.').filter(|part| !part.is_empty()).collect();
        path.push(&oddity.key);
        Place { line: self.line(&path, self.nested && oddity.kind != OddityKind::Outside), ..self.file() }
    }

    fn file(&self) -> Place {
        match &self.source {
            Source::Yaml { file, .. } => Place::file(file.as_deref(), None),
            Source::Object | Source::Environment => Place::default(),
        }
    }
}
