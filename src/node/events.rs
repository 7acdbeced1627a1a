//! Hooks and log lines on their way to Node's thread.
//!
//! They wait in one bounded queue and are handed over in batches, in order. When the host is busy for
//! long, the newest are dropped and counted, and the host is told how many when it has time again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use napi::bindgen_prelude::{Function, FunctionRef, PromiseRaw, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, JsValue, Status};
use serde_json::{Map, Value, json};

/// The most events that wait.
const EVENTS_MAX: usize = 8_192;

/// The most events handed over in one turn of Node's event loop.
const EVENTS_PER_TURN_MAX: usize = 256;

/// Something to tell the host.
#[derive(Debug)]
pub(super) enum Event {
    /// A hook: its name and payload.
    Hook(String, Map<String, Value>),
    /// A log line: level, message, context.
    Log(&'static str, String, Map<String, Value>),
}

/// `hook(name, data)`.
pub(super) type HookFunction =
    FunctionRef<napi::bindgen_prelude::FnArgs<(String, Map<String, Value>)>, Unknown<'static>>;
/// `log(level, message, data)`.
pub(super) type LogFunction =
    FunctionRef<napi::bindgen_prelude::FnArgs<(String, String, Map<String, Value>)>, Unknown<'static>>;

/// Asks Node's thread to come and take what waits. Weak: it does not keep the process alive. One call
/// at most is under way, since a second would find nothing more to do.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 1>;

/// The queue; clones share it.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Shared>);

#[derive(Default)]
struct Shared {
    // A plain mutex: held for a push or a take, never while JavaScript runs.
    queue: Mutex<Queue>,
    wake: OnceLock<Wake>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    dropped: u64,
    /// Node's thread has been asked to come.
    asked: bool,
}

impl Events {
    /// Queues an event and returns at once.
    pub(super) fn push(&self, event: Event) {
        let mut queue = self.lock();
        if queue.events.len() >= EVENTS_MAX {
            queue.dropped += 1;
            return;
        }
        queue.events.push_back(event);
        let ask = !std::mem::replace(&mut queue.asked, true);
        drop(queue);
        if ask {
            self.wake();
        }
    }

    /// How many were dropped and not yet told of.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Connects the queue to the host's functions.
    pub(super) fn deliver_to(
        &self,
        env: &Env,
        hook: Option<HookFunction>,
        log: Option<LogFunction>,
    ) -> napi::Result<()> {
        let events = self.clone();
        let deliver: Function<'_, (), ()> = env.create_function_from_closure("deliver", move |call| {
            events.deliver(call.env, hook.as_ref(), log.as_ref());
            Ok(())
        })?;
        let wake = deliver
            .build_threadsafe_function::<()>()
            .callee_handled::<false>()
            .weak::<true>()
            .max_queue_size::<1>()
            .build_callback(|_| Ok(()))?;
        let _ = self.0.wake.set(wake);
        Ok(())
    }

    fn wake(&self) {
        if let Some(wake) = self.0.wake.get() {
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// On Node's thread: hands over what waits, up to the bound, and asks to come again if there is more.
    fn deliver(&self, env: &Env, hook: Option<&HookFunction>, log: Option<&LogFunction>) {
        let (events, more) = self.take();
        for event in events {
            // What the host's function throws is the host's affair: it changes nothing here.
            let returned = match event {
                Event::Hook(name, data) => {
                    hook.map(|hook| hook.borrow_back(env).and_then(|hook| hook.call((name, data).into())))
                }
                Event::Log(level, message, data) => log.map(|log| {
                    log.borrow_back(env).and_then(|log| log.call((level.to_owned(), message, data).into()))
                }),
            };
            if let Some(Ok(returned)) = returned {
                ignore_rejection(&returned);
            }
        }
        if more {
            self.wake();
        }
    }

    fn take(&self) -> (Vec<Event>, bool) {
        let mut queue = self.lock();
        let count = queue.events.len().min(EVENTS_PER_TURN_MAX);
        let mut events: Vec<_> = queue.events.drain(..count).collect();
        let dropped = std::mem::take(&mut queue.dropped);
        if dropped > 0 {
            let message =
                format!("{dropped} hooks and log lines were dropped: the host was too busy to take them");
            let context = json!({"operation": "realtime:host:events", "dropped": dropped});
            let context = context.as_object().cloned().unwrap_or_default();
            events.push(Event::Log("warn", message, context));
        }
        let more = !queue.events.is_empty();
        queue.asked = more;
        (events, more)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole between operations, so a panic elsewhere leaves nothing half done.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A promise that nobody looks at ends the process when it is rejected.
fn ignore_rejection(returned: &Unknown<'_>) {
    if returned.is_promise().unwrap_or(false) {
        let promise = PromiseRaw::<Unknown<'_>>::new(returned.value().env, returned.value().value);
        let _ = promise.catch(|_: napi::bindgen_prelude::CallbackContext<Unknown<'_>>| Ok(()));
    }
}
