//! What the host is told of: one function per event, so that each payload is written down once.
//!
//! Every payload also holds `timestamp` (ms since the epoch) and `correlationId`.

use serde_json::{Map, Value, json};

use crate::host::HookEvent;
use crate::ids::{ClientId, RoomId, correlation_id};

fn event(name: &'static str, fields: Value) -> HookEvent {
    let mut data = match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    data.insert("timestamp".to_owned(), crate::clock::now_ms().into());
    data.insert("correlationId".to_owned(), correlation_id().into());
    HookEvent { name, data }
}

/// The first client came into a room.
pub fn room_created(room: &RoomId, created_by: &Value) -> HookEvent {
    event(
        "realtime:room:created",
        json!({"roomId": room, "roomType": room.room_type(), "createdBy": created_by}),
    )
}

/// A room is gone from memory: `idle`, `failed` or `shutdown`.
pub fn room_destroyed(room: &RoomId, reason: &str) -> HookEvent {
    event("realtime:room:destroyed", json!({"roomId": room, "reason": reason}))
}

/// A record holds content that the editor's document cannot carry.
pub fn room_lossy(room: &RoomId, lost: &Value) -> HookEvent {
    event("realtime:room:lossy", json!({"roomId": room, "recordId": room.local_id(), "lost": lost}))
}

/// A record was changed elsewhere, and the change merged into its room; counted in words.
pub fn room_merged(room: &RoomId, added: usize, removed: usize) -> HookEvent {
    event("realtime:room:merged", json!({"roomId": room, "added": added, "removed": removed}))
}

/// A client's frame could not be applied; the room goes on.
pub fn apply_failed(room: &RoomId, client: ClientId, error: &str) -> HookEvent {
    event("realtime:room:apply-failed", json!({"roomId": room, "clientId": client, "error": error}))
}

/// A document has reached its largest size: what would make it larger is refused.
pub fn document_full(room: &RoomId, byte_size: usize, cap: usize) -> HookEvent {
    event("realtime:document:full", json!({"roomId": room, "byteSize": byte_size, "cap": cap}))
}

/// A client joined.
pub fn client_connected(client: ClientId, room: &RoomId, user: &Value) -> HookEvent {
    event(
        "realtime:client:connected",
        json!({"clientId": client, "roomId": room, "roomType": room.room_type(), "userId": user}),
    )
}

/// A client left.
pub fn client_disconnected(client: ClientId, room: &RoomId, user: &Value, reason: &str) -> HookEvent {
    event(
        "realtime:client:disconnected",
        json!({
            "clientId": client, "roomId": room, "roomType": room.room_type(),
            "userId": user, "reason": reason,
        }),
    )
}

/// A snapshot is on disk.
pub fn snapshot_saved(room: &RoomId, snapshot_id: &str, version: u64, byte_size: u64) -> HookEvent {
    event(
        "realtime:snapshot:saved",
        json!({"roomId": room, "snapshotId": snapshot_id, "version": version, "byteSize": byte_size}),
    )
}

/// A snapshot is larger than is good for it; it is stored all the same.
pub fn snapshot_oversize(room: &RoomId, byte_size: u64, cap: u64) -> HookEvent {
    event("realtime:snapshot:oversize", json!({"roomId": room, "byteSize": byte_size, "cap": cap}))
}

/// A stored snapshot is not what was written; an older one is tried.
pub fn snapshot_integrity_failed(room: &RoomId, version: u64, expected: &str, computed: &str) -> HookEvent {
    event(
        "realtime:snapshot:integrity-failed",
        json!({"roomId": room, "version": version, "expectedHash": expected, "computedHash": computed}),
    )
}

/// Updates in a room's log are not what was written, from this place on; the room goes on without them.
pub fn log_integrity_failed(room: &RoomId, first_seq: u64, count: usize) -> HookEvent {
    event("realtime:log:integrity-failed", json!({"roomId": room, "firstSeq": first_seq, "count": count}))
}

/// A snapshot of a room that was inactive for too long is deleted.
pub fn snapshot_expired(room: &RoomId, version: u64, age_ms: i64) -> HookEvent {
    event("realtime:snapshot:expired", json!({"roomId": room, "version": version, "ageMs": age_ms}))
}

/// A version beyond the newest few is deleted.
pub fn snapshot_pruned(room: &RoomId, version: u64, keep: usize) -> HookEvent {
    event("realtime:snapshot:pruned", json!({"roomId": room, "version": version, "keep": keep}))
}

/// Part of a save failed: `persist` (the snapshot), `serialize` (the Markdown) or `draft` (the host).
pub fn writeback_failed(room: &RoomId, stage: &str, error: &str) -> HookEvent {
    event(
        "realtime:snapshot:writeback-failed",
        json!({"roomId": room, "recordId": room.local_id(), "stage": stage, "error": error}),
    )
}

/// The store cannot write, or can again; editing goes on in memory meanwhile.
pub fn storage_state(degraded: bool, error: Option<&str>) -> HookEvent {
    let state = if degraded { "degraded" } else { "healthy" };
    event("realtime:storage:state", json!({"state": state, "error": error}))
}
