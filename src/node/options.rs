//! A configuration as JavaScript hands it over: the path of a `realtime.yml`, or an object.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{Config, Layers, Loaded};
use crate::error::{Code, RealtimeError, Result};

/// The folder of configurations that are not in a file, in the working directory.
const DEFAULT_FOLDER: &str = ".system-data";

/// A configuration and where its relative paths begin.
pub(super) struct Options {
    pub(super) config: Config,
    pub(super) folder: PathBuf,
    pub(super) warnings: Vec<String>,
}

/// Reads a configuration; the environment's `CIVIC_REALTIME_*` go over it.
pub(super) fn read(source: Value, folder: Option<String>) -> Result<Options> {
    let layers = Layers::new();
    let (layers, own_folder) = match source {
        Value::String(path) => {
            let path = Path::new(&path);
            let folder = path.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
            (layers.file(path)?, folder)
        }
        Value::Object(_) => (layers.object(source)?, PathBuf::from(DEFAULT_FOLDER)),
        _ => {
            let message = "the configuration must be the path of a realtime.yml, or an object with its keys";
            return Err(RealtimeError::new(Code::ConfigInvalid, message).with("reason", "invalid"));
        }
    };
    let folder = folder.map_or(own_folder, PathBuf::from);
    let loaded = layers.environment(std::env::vars_os())?.load()?;
    let Loaded { config, warnings } = loaded;
    Ok(Options { config, folder, warnings })
}
