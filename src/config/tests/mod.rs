//! The module from outside: texts in, settings or complaints out.

mod bounds;
mod complaints;
mod defaults;
mod files;
mod noise;
mod warnings;

use super::*;
use crate::error::{Code, RealtimeError};

fn load(text: &str) -> Loaded {
    Config::from_yaml(text, Some(Path::new("realtime.yml"))).unwrap()
}

/// The configuration error that this text ends in.
fn fail(text: &str) -> RealtimeError {
    configuration_error(Config::from_yaml(text, Some(Path::new("realtime.yml"))).unwrap_err())
}

fn configuration_error(error: RealtimeError) -> RealtimeError {
    assert_eq!(error.code, Code::ConfigInvalid, "{error:?}");
    error
}

/// `place: key | found | allowed`, the facts of an error for a table of cases.
fn facts(error: &RealtimeError) -> String {
    let fact = |name: &str| match error.context.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let place = if fact("variable").is_empty() { fact("line") } else { fact("variable") };
    format!("{place}: {} | {} | {}", fact("key"), fact("found"), fact("allowed"))
}
