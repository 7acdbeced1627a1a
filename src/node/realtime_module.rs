//! The class `RealtimeModule`.

use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Object, PromiseRaw, Uint8Array, Unknown};
use napi::{Either, Env};
use napi_derive::napi;
use serde_json::{Value, json};

use super::engine::Engine;
use super::error::or_throw;
use super::markdown::{ToMarkdown, ToUpdate};
use super::options;
use super::snapshot::Decompress;
use super::types::{ConfigReport, Health, Listening, RoomSummary, SnapshotOutcome, count};
use super::values;
use crate::config::{Config, Layers, Loaded};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::{RoomId, UserId};

/// One engine: a WebSocket server with its rooms and its store, on threads of its own.
///
/// It does nothing until `start()`. It does not keep the process alive, and a host that ends without
/// `shutdown()` loses nothing that clients were told is saved.
///
/// Errors are `Error`s with `code` (such as `CONFIG_INVALID`), `statusCode` and `context`.
#[napi]
pub struct RealtimeModule {
    pub(super) engine: Arc<Engine>,
}

#[napi]
impl RealtimeModule {
    /// Reads and checks the configuration: the path of a `realtime.yml`, or an object with its keys.
    /// Relative paths in it begin at `folder`, which is the file's folder, or `.system-data` in the working
    /// directory, if not given.
    ///
    /// Throws `CONFIG_INVALID` with what was found, where, and what is allowed.
    #[napi(constructor, ts_args_type = "config: string | object, host: HostCallbacks, folder?: string")]
    pub fn new(
        env: Env,
        config: Unknown<'_>,
        host: Object<'_>,
        folder: Option<String>,
    ) -> napi::Result<Self> {
        let engine = values::read(&config)
            .and_then(|config| options::read(config, folder))
            .and_then(|options| Engine::new(&env, options, &host));
        Ok(Self { engine: or_throw(&env, engine)? })
    }

    /// Opens the store and listens. Resolves to the address, or to null if `enabled` is false. Calling
    /// it again while it runs gives the same address.
    ///
    /// Rejects with `LISTEN_FAILED` (nothing is left behind, it may be tried again), `STORAGE_FAILED`, or
    /// `NOT_RUNNING` after a shutdown.
    #[napi]
    pub fn start<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<Listening>>> {
        let engine = Arc::clone(&self.engine);
        or_throw(env, self.engine.prepare(env))?;
        self.engine.promise(env, async move { Ok(engine.start().await?.map(Listening::from)) })
    }

    /// Stops accepting, sends every client away with close code 4503, saves every room and closes the
    /// store, all within `shutdown_timeout`. Calling it twice, or before `start()`, is fine.
    #[napi]
    pub fn shutdown<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let engine = Arc::clone(&self.engine);
        self.engine.promise(env, async move {
            engine.shutdown().await;
            Ok(())
        })
    }

    /// Saves a room now: its snapshot, and its Markdown as a draft. Resolves when both are done.
    #[napi]
    pub fn snapshot<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, SnapshotOutcome>> {
        let engine = Arc::clone(&self.engine);
        self.engine.promise(env, async move {
            Ok(engine.running()?.snapshot(&RoomId::parse(&room_id)?).await?.into())
        })
    }

    /// How the engine is. Never throws.
    #[napi]
    pub fn health(&self) -> Health {
        self.engine.health()
    }

    /// The rooms in memory. Throws `NOT_RUNNING` before `start()` and after `shutdown()`.
    #[napi]
    pub fn rooms(&self, env: Env) -> napi::Result<Vec<RoomSummary>> {
        let rooms = or_throw(&env, self.engine.running().and_then(|module| module.rooms()))?;
        Ok(rooms.into_iter().map(RoomSummary::from).collect())
    }

    /// Ends all connections of a user with close code 4001 and gives their number. Nothing that the user
    /// sends from now on counts. `7` and `'7'` are the same user.
    ///
    /// Throws `NOT_RUNNING` before `start()` and after `shutdown()`.
    #[napi(ts_args_type = "userId: number | string, reason?: string")]
    pub fn revoke(
        &self,
        env: Env,
        user_id: Either<f64, String>,
        reason: Option<String>,
    ) -> napi::Result<u32> {
        let revoked = read_user(user_id).and_then(|user| {
            let reason = reason.as_deref().unwrap_or("sessions revoked");
            self.engine.running()?.revoke(&user, reason)
        });
        Ok(count(or_throw(&env, revoked)?))
    }

    /// A Yjs update (version 1) that makes the editor's document of this Markdown in an empty one. Runs
    /// off Node's thread.
    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn markdown_to_update(markdown: String) -> AsyncTask<ToUpdate> {
        AsyncTask::new(ToUpdate(markdown))
    }

    /// The Markdown of the editor's document in a Yjs update (version 1). Runs off Node's thread.
    ///
    /// Rejects with `INVALID_YJS_UPDATE`.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn update_to_markdown(update: Uint8Array) -> AsyncTask<ToMarkdown> {
        ToMarkdown::task(&update)
    }

    /// The document's state, a Yjs update (version 1), in a stored snapshot of format 2, for programs that read
    /// snapshot files beside the engine. `byteSize` is what is stored beside it; more than that is not
    /// unpacked. Whether the hash is right is for the caller to check. Runs off Node's thread.
    ///
    /// Rejects with `STORAGE_FAILED`.
    #[napi(ts_return_type = "Promise<Buffer>")]
    pub fn unpack_snapshot(stored: Uint8Array, byte_size: f64) -> AsyncTask<Decompress> {
        Decompress::task(&stored, byte_size)
    }

    /// Reads a `realtime.yml` (null = none), lays it over the defaults, and the host's `features.yml` and
    /// the environment over it. Throws as the constructor does; a missing `realtime.yml` has
    /// `context.reason` `not_found`, a missing `features.yml` switches nothing off.
    #[napi]
    pub fn read_config(
        env: Env,
        path: Option<String>,
        features_path: Option<String>,
    ) -> napi::Result<ConfigReport> {
        let read = || {
            let mut layers = Layers::new();
            if let Some(path) = &path {
                layers = layers.file(path.as_ref())?;
            }
            if let Some(path) = &features_path {
                layers = layers.features(path.as_ref())?;
            }
            layers.environment(std::env::vars_os())?.load()
        };
        report(&env, read())
    }

    /// Every key with its default.
    #[napi(ts_return_type = "Record<string, any>")]
    pub fn default_config() -> Value {
        json!(Config::default())
    }

    /// Checks a configuration object and lays it over the defaults, and the environment over it, as the
    /// constructor does. Throws as that does.
    #[napi(ts_args_type = "config: object")]
    pub fn validate_config(env: Env, config: Unknown<'_>) -> napi::Result<ConfigReport> {
        let layers = values::read(&config).and_then(|config| Layers::new().object(config));
        report(&env, layers.and_then(|layers| layers.environment(std::env::vars_os())).and_then(Layers::load))
    }
}

fn report(env: &Env, loaded: Result<Loaded>) -> napi::Result<ConfigReport> {
    Ok(or_throw(env, loaded)?.into())
}

pub(super) fn read_user(id: Either<f64, String>) -> Result<UserId> {
    match id {
        Either::B(text) => Ok(UserId::Text(text)),
        // Whole numbers up to 2^53 are exact in both.
        Either::A(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            Ok(UserId::Number(number as i64))
        }
        Either::A(number) => {
            let message = format!("user id {number} is not allowed; expected a whole number or a text");
            Err(RealtimeError::new(Code::InvalidId, message))
        }
    }
}
