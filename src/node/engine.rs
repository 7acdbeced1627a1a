//! What is behind one `RealtimeModule`: its threads, and the module once it is started.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use napi::bindgen_prelude::{Object, PromiseRaw, ToNapiValue, Unknown};
use napi::{Env, JsValue};
use serde_json::Value;
use tracing::{Dispatch, Level, warn};

use super::callbacks::JsHost;
use super::error::{from_napi, to_js};
use super::events::Events;
use super::logging;
use super::options::Options;
use super::room_type::JsRoomType;
use super::runtime::ModuleRuntime;
use super::types::Health;
use super::values;
use crate::config::Config;
use crate::error::{Code, RealtimeError, Result};
use crate::host::Host;
use crate::module::{Listening, Module, not_running};
use crate::room_type::RoomTypes;

/// How long Node may be held up at the end of its life, for the log to be written.
const LAST_WRITES_MAX: Duration = Duration::from_secs(2);

/// The engine of one `RealtimeModule`.
pub(super) struct Engine {
    config: Config,
    folder: PathBuf,
    warnings: Vec<String>,
    host: Arc<dyn Host>,
    events: Events,
    log: Dispatch,
    room_types: RoomTypes,
    runtime: OnceLock<ModuleRuntime>,
    // A plain mutex: held to look or to change, never across an await.
    phase: Mutex<Phase>,
    /// Held while starting and stopping, so that the two never overlap; across awaits, so an async one.
    turn: tokio::sync::Mutex<()>,
}

enum Phase {
    New,
    /// `enabled` is false.
    Disabled,
    Running(Arc<Module>),
    Stopped(Option<Arc<Module>>),
}

impl Engine {
    pub(super) fn new(env: &Env, options: Options, callbacks: &Object<'_>) -> Result<Arc<Self>> {
        let events = Events::default();
        let host = Arc::new(JsHost::read(env, callbacks, &events)?);
        let log = logging::dispatch(events.clone(), log_level(callbacks)?);
        let Options { config, folder, warnings } = options;
        Ok(Arc::new(Self {
            config,
            folder,
            warnings,
            host,
            events,
            log,
            room_types: RoomTypes::default(),
            runtime: OnceLock::new(),
            phase: Mutex::new(Phase::New),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Starts the threads, once. When Node's environment ends (the process, or a worker thread), what is
    /// queued is written and the threads end with it.
    pub(super) fn prepare(self: &Arc<Self>, env: &Env) -> Result<()> {
        if self.runtime.get().is_some() || matches!(*self.phase(), Phase::Stopped(_)) {
            return Ok(());
        }
        let runtime = ModuleRuntime::new(&self.log)?;
        if self.runtime.set(runtime).is_ok() {
            env.add_env_cleanup_hook(Arc::clone(self), |engine| engine.abandon())
                .map_err(|error| from_napi(&error))?;
        }
        Ok(())
    }

    pub(super) async fn start(&self) -> Result<Option<Listening>> {
        let _turn = self.turn.lock().await;
        match &*self.phase() {
            Phase::New => {}
            Phase::Disabled => return Ok(None),
            Phase::Running(module) => return Ok(module.health().listening),
            Phase::Stopped(_) => return Err(not_running("it was shut down")),
        }
        for warning in &self.warnings {
            warn!(operation = "realtime:config:read", "{warning}");
        }
        if !self.config.enabled || !self.config.features.realtime {
            *self.phase() = Phase::Disabled;
            return Ok(None);
        }
        let module = Module::start(
            self.config.clone(),
            self.folder.clone(),
            Arc::clone(&self.host),
            self.room_types.clone(),
        )
        .await?;
        let listening = module.health().listening;
        *self.phase() = Phase::Running(Arc::new(module));
        Ok(listening)
    }

    pub(super) async fn shutdown(&self) {
        let _turn = self.turn.lock().await;
        let module = match &*self.phase() {
            Phase::Running(module) | Phase::Stopped(Some(module)) => Some(Arc::clone(module)),
            _ => None,
        };
        if let Some(module) = &module {
            module.shutdown().await;
        }
        *self.phase() = Phase::Stopped(module);
    }

    /// Registers a kind of room; also before the start.
    pub(super) fn register_room_type(&self, name: &str, callbacks: &Object<'_>) -> Result<()> {
        self.room_types.register(name, Arc::new(JsRoomType::read(callbacks, &self.events)?))
    }

    /// The kinds of rooms.
    pub(super) const fn room_types(&self) -> &RoomTypes {
        &self.room_types
    }

    /// The module, if it runs.
    pub(super) fn running(&self) -> Result<Arc<Module>> {
        match &*self.phase() {
            Phase::New => Err(not_running("start() was not called, or has not finished")),
            Phase::Disabled => Err(not_running("`enabled` is false")),
            Phase::Running(module) => Ok(Arc::clone(module)),
            Phase::Stopped(_) => Err(not_running("it was shut down")),
        }
    }

    pub(super) fn health(&self) -> Health {
        let dropped = self.events.dropped();
        match &*self.phase() {
            Phase::New => Health::idle("new", dropped),
            Phase::Disabled => Health::idle("disabled", dropped),
            Phase::Running(module) | Phase::Stopped(Some(module)) => Health::of(module.health(), dropped),
            Phase::Stopped(None) => Health::idle("stopped", dropped),
        }
    }

    /// A promise for what a future on the module's threads comes to. A module that has no threads
    /// because it was never started, or is over, has nothing to wait for either.
    pub(super) fn promise<'env, T: ToNapiValue + Send + 'static>(
        self: &Arc<Self>,
        env: &'env Env,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'env, T>> {
        type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;
        let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
        let promise = PromiseRaw::new(env.raw(), promise.raw());
        let settle = async move {
            let result = AssertUnwindSafe(future).catch_unwind().await.unwrap_or_else(|_| {
                Err(RealtimeError::new(Code::Internal, "the call failed; see the log for the panic"))
            });
            deferred.resolve(Box::new(move |env| result.map_err(|error| to_js(&env, &error))));
        };
        let engine = Arc::clone(self);
        let settle = async move {
            settle.await;
            engine.settled();
        };
        let left = match self.runtime.get() {
            Some(runtime) => runtime.spawn(settle).err(),
            None => Some(settle),
        };
        // Nothing runs, so nothing is waited for: one look is enough.
        left.map(FutureExt::now_or_never);
        Ok(promise)
    }

    /// A promise is settled. The last one after a shutdown takes the threads with it.
    fn settled(&self) {
        if let Some(runtime) = self.runtime.get() {
            runtime.done(matches!(*self.phase(), Phase::Stopped(_)));
        }
    }

    /// Node's environment ends: what is queued is written, and the threads end.
    fn abandon(&self) {
        let module = match &*self.phase() {
            Phase::Running(module) => Some(Arc::clone(module)),
            _ => None,
        };
        if let Some(runtime) = self.runtime.get() {
            if let Some(module) = module {
                runtime.finish(async move { module.abandon(LAST_WRITES_MAX).await });
            }
            runtime.end(LAST_WRITES_MAX);
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        // A phase is replaced whole, so a panic elsewhere leaves nothing half done.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_level(callbacks: &Object<'_>) -> Result<Level> {
    let level: Option<Unknown<'_>> = callbacks.get("logLevel").map_err(|error| from_napi(&error))?;
    let level = level.map_or(Ok(Value::Null), |level| values::read(&level))?;
    match level.as_str() {
        None if level.is_null() => Ok(Level::INFO),
        Some("info") => Ok(Level::INFO),
        Some("error") => Ok(Level::ERROR),
        Some("warn") => Ok(Level::WARN),
        Some("debug") => Ok(Level::DEBUG),
        _ => Err(RealtimeError::new(
            Code::ConfigInvalid,
            format!("host.logLevel is {level}; expected error, warn, info or debug"),
        )
        .with("key", "host.logLevel")),
    }
}
