//! What is answered to requests that are no WebSocket upgrade.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use super::Context;
use crate::metrics::{Gauge, prometheus};

/// A response with its whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// Answers a plain request.
pub(super) fn answer(method: &Method, path: &str, is_room: bool, context: &Context) -> Answer {
    match (method, path) {
        (&Method::GET | &Method::HEAD, "/healthz") => health(context),
        (&Method::GET | &Method::HEAD, "/metrics") => metrics(context),
        (_, "/healthz" | "/metrics") => plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
        _ if is_room => {
            let mut answer = plain(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket endpoint\n");
            answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            answer
        }
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

fn health(context: &Context) -> Answer {
    let store = context.store.health();
    let healthy = store.is_ok();
    let body = json!({
        "status": if healthy { "healthy" } else { "degraded" },
        "connections": context.sessions.len(),
        "rooms": context.rooms.len() + context.groups.len(),
    });
    // Degraded still serves: editing goes on in memory, so a load balancer must not take us away.
    with_type(StatusCode::OK, "application/json", body.to_string())
}

fn metrics(context: &Context) -> Answer {
    let gauges = [
        Gauge("civicpress_realtime_connections", "Clients connected", context.sessions.len() as u64),
        Gauge(
            "civicpress_realtime_rooms",
            "Rooms in memory",
            (context.rooms.len() + context.groups.len()) as u64,
        ),
        Gauge(
            "civicpress_realtime_storage_degraded",
            "1 while the store cannot write",
            u64::from(!context.store.health().is_ok()),
        ),
    ];
    with_type(StatusCode::OK, "text/plain; version=0.0.4", prometheus(&context.metrics, &gauges))
}

/// A short text.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Answer {
    with_type(status, "text/plain", text.to_owned())
}

fn with_type(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
