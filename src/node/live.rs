//! The part of `RealtimeModule` that acts on connections and rooms while they live, and the kinds of
//! rooms that the host brings along.

use std::sync::Arc;

use napi::bindgen_prelude::{Null, Object, PromiseRaw, Uint8Array};
use napi::{Either, Env};
use napi_derive::napi;

use super::error::or_throw;
use super::realtime_module::{RealtimeModule, read_user};
use super::types::{ClientPermissions, Connection, count, nullable};
use crate::error::{Code, RealtimeError, Result};
use crate::ids::{ClientId, RECORDS, RoomId};
use crate::module::wrong_close_code;
use crate::protocol::control::Level;
use crate::room_type::Payload;

#[napi]
impl RealtimeModule {
    /// Registers a kind of room written in JavaScript, such as `device`; also before `start()`. One of the
    /// same name is replaced for connections to come.
    ///
    /// Throws `INVALID_ID` for a name that cannot be one, or is the engine's own (`records`).
    #[napi(ts_args_type = "roomType: string, callbacks: RoomTypeCallbacks")]
    pub fn register_room_type(&self, env: Env, room_type: String, callbacks: Object<'_>) -> napi::Result<()> {
        or_throw(&env, self.engine.register_room_type(&room_type, &callbacks))
    }

    /// Takes a kind of room off the list; who is connected stays. False if there is none of this name.
    #[napi]
    pub fn unregister_room_type(&self, room_type: String) -> bool {
        self.engine.room_types().unregister(&room_type)
    }

    /// The kinds of rooms there are, `records` included.
    #[napi]
    pub fn room_types(&self) -> Vec<String> {
        self.engine.room_types().names()
    }

    /// All connections. Throws `NOT_RUNNING` before `start()` and after `shutdown()`, as all of the
    /// following do.
    #[napi]
    pub fn connections(&self, env: Env) -> napi::Result<Vec<Connection>> {
        let connections = or_throw(&env, self.engine.running().and_then(|module| module.connections()))?;
        Ok(connections.into_iter().map(Connection::from).collect())
    }

    /// One connection while it lasts, else null.
    #[napi]
    pub fn connection(&self, env: Env, client_id: String) -> napi::Result<Either<Connection, Null>> {
        let found = self.engine.running().and_then(|module| match ClientId::parse(&client_id) {
            Some(client) => module.connection(client),
            None => Ok(None),
        });
        Ok(nullable(or_throw(&env, found)?.map(Connection::from)))
    }

    /// Sends a message to one client, a text frame or a binary one. False if it is gone, if it is text and
    /// the client cannot read that (`readsText`; a stock Yjs client would stop at it), or if so much
    /// waits for it already that this does not fit (`limits.waiting_bytes_per_client_max`).
    #[napi(ts_args_type = "clientId: string, data: string | Uint8Array")]
    pub fn send(&self, env: Env, client_id: String, data: Either<String, Uint8Array>) -> napi::Result<bool> {
        let sent = self.engine.running().and_then(|module| match ClientId::parse(&client_id) {
            Some(client) => module.send(client, &payload(data)),
            None => Ok(false),
        });
        or_throw(&env, sent)
    }

    /// Sends a message to everybody in a room of a registered type, but for one client; gives the number
    /// of those who will get it.
    #[napi(ts_args_type = "roomId: string, data: string | Uint8Array, exceptClientId?: string")]
    pub fn broadcast(
        &self,
        env: Env,
        room_id: String,
        data: Either<String, Uint8Array>,
        except_client_id: Option<String>,
    ) -> napi::Result<u32> {
        let except = except_client_id.as_deref().and_then(ClientId::parse);
        let sent = RoomId::parse(&room_id)
            .and_then(|room| self.engine.running()?.broadcast(&room, &payload(data), except));
        Ok(count(or_throw(&env, sent)?))
    }

    /// Closes a connection after what waits for it. Default: code 1000. False if it is gone.
    #[napi]
    pub fn close(
        &self,
        env: Env,
        client_id: String,
        code: Option<f64>,
        reason: Option<String>,
    ) -> napi::Result<bool> {
        let closed = self.engine.running().and_then(|module| match ClientId::parse(&client_id) {
            Some(client) => {
                module.close(client, read_close_code(code)?, reason.as_deref().unwrap_or_default())
            }
            None => Ok(false),
        });
        or_throw(&env, closed)
    }

    /// Changes what a connected client may do, before any later frame of it. Without the right to view,
    /// it is closed with 4003. Resolves to false if it is gone.
    #[napi]
    pub fn set_permissions<'env>(
        &self,
        env: &'env Env,
        client_id: String,
        permissions: ClientPermissions,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let engine = Arc::clone(&self.engine);
        self.engine.promise(env, async move {
            let module = engine.running()?;
            match ClientId::parse(&client_id) {
                Some(client) => module.set_permissions(client, permissions.into()).await,
                None => Ok(false),
            }
        })
    }

    /// Sends a user away, from one room or from all, with close code 4003 and `KICKED`; gives the number of
    /// connections that end. They may come back: to keep them out, take away their rights.
    #[napi(ts_args_type = "userId: number | string, reason?: string, roomId?: string")]
    pub fn kick(
        &self,
        env: Env,
        user_id: Either<f64, String>,
        reason: Option<String>,
        room_id: Option<String>,
    ) -> napi::Result<u32> {
        let kicked = read_user(user_id).and_then(|user| {
            let room = room_id.as_deref().map(RoomId::parse).transpose()?;
            let reason = reason.as_deref().unwrap_or("by the host");
            self.engine.running()?.kick(&user, room.as_ref(), reason)
        });
        Ok(count(or_throw(&env, kicked)?))
    }

    /// Locks a record's room against edits, also while it is not in memory: everybody is read-only, and
    /// told why. Lasts until `unlockRoom` or the end of the process.
    #[napi]
    pub fn lock_room<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        reason: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let reason = reason.unwrap_or_else(|| "by the host".to_owned());
        self.set_lock(env, room_id, Some(reason))
    }

    /// Lets everybody edit again who may.
    #[napi]
    pub fn unlock_room<'env>(&self, env: &'env Env, room_id: String) -> napi::Result<PromiseRaw<'env, ()>> {
        self.set_lock(env, room_id, None)
    }

    /// Tells everybody in a room, or everywhere, who can read text frames. Resolves to the number of rooms
    /// told.
    #[napi(ts_args_type = "message: string, level?: 'info' | 'warning' | 'error', roomId?: string")]
    pub fn notice<'env>(
        &self,
        env: &'env Env,
        message: String,
        level: Option<String>,
        room_id: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, u32>> {
        let engine = Arc::clone(&self.engine);
        self.engine.promise(env, async move {
            let room = room_id.as_deref().map(RoomId::parse).transpose()?;
            let level = read_level(level.as_deref())?;
            Ok(count(engine.running()?.notice(room.as_ref(), level, &message).await?))
        })
    }

    /// Says that a record was changed elsewhere. Resolves to false if its room is not in memory.
    #[napi]
    pub fn record_changed<'env>(
        &self,
        env: &'env Env,
        record_id: String,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let engine = Arc::clone(&self.engine);
        self.engine.promise(env, async move {
            let room = RoomId::new(RECORDS, &record_id)?;
            engine.running()?.record_changed(&room).await
        })
    }

    fn set_lock<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        reason: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let engine = Arc::clone(&self.engine);
        self.engine.promise(env, async move {
            engine.running()?.lock_room(&RoomId::parse(&room_id)?, reason.as_deref()).await
        })
    }
}

fn payload(data: Either<String, Uint8Array>) -> Payload {
    match data {
        Either::A(text) => Payload::Text(text),
        Either::B(bytes) => Payload::Binary(bytes.to_vec().into()),
    }
}

fn read_close_code(code: Option<f64>) -> Result<u16> {
    match code {
        None => Ok(1000),
        Some(code) if code.fract() == 0.0 && (0.0..=65_535.0).contains(&code) => Ok(code as u16),
        Some(code) => Err(wrong_close_code(code)),
    }
}

fn read_level(level: Option<&str>) -> Result<Level> {
    match level {
        None | Some("info") => Ok(Level::Info),
        Some("warning") => Ok(Level::Warning),
        Some("error") => Ok(Level::Error),
        Some(other) => {
            let message = format!("notice level {other:?} is not known; expected info, warning or error");
            Err(RealtimeError::new(Code::InvalidMessage, message))
        }
    }
}
