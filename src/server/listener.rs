//! Accepts sockets, answers plain HTTP and hands upgrades to [`super::connection`].

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha1::{Digest, Sha1};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{debug, warn};

use super::connection::{self, Upgraded};
use super::entering::{Entering, EnteringPlace};
use super::http::{self, Answer};
use super::origin;
use super::request::ClientRequest;
use super::{Context, extensions, heartbeat, revalidation};
use crate::error::{Code, RealtimeError, Result};

/// Connections that the system keeps until they are accepted: as many as may come back at once after a
/// restart. One that finds no place tries again only after a second.
const BACKLOG: u32 = 1_024;

/// How long to wait after the system would give no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What RFC 6455 section 1.3 has the server hash together with the client's key.
const WEBSOCKET_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A listening socket that nobody is accepted from yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the address. A busy port is an error that names it.
    pub async fn bind(host: &str, port: u16) -> Result<Self> {
        let failed = |error: io::Error| {
            let problem = match error.kind() {
                io::ErrorKind::AddrInUse => "the port is in use by another program".to_owned(),
                _ => error.to_string(),
            };
            RealtimeError::new(Code::ListenFailed, format!("cannot listen on {host}:{port}: {problem}"))
                .with("host", host)
                .with("port", port)
                .caused_by(error)
        };
        let socket = listen(host, port).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Where it listens; the port is the real one even if 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the module shuts down.
    pub fn serve(self, context: Arc<Context>) {
        let tasks = context.tasks.clone();
        tasks.spawn(heartbeat::run(Arc::clone(&context)));
        tasks.spawn(revalidation::run(Arc::clone(&context)));
        tasks.spawn(self.accept(context));
    }

    async fn accept(self, context: Arc<Context>) {
        let entering = Entering::new(context.config.rate_limiting.connections_per_ip);
        loop {
            let accepted = tokio::select! {
                () = context.stopping.cancelled() => return,
                accepted = next(&self.socket, &entering) => accepted,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    let ip = peer.ip().to_canonical();
                    let is_proxy = origin::is_trusted(ip, &context.config.trusted_proxies);
                    let Some(place) = entering.take(place, (!is_proxy).then_some(ip)) else {
                        context.metrics.early_refusals.add(1);
                        debug!(operation = "realtime:server:accept", %ip, "too many from one address are on the way in");
                        continue;
                    };
                    context.tasks.spawn(handshake(stream, peer, place, Arc::clone(&context)));
                }
                Err(error) => {
                    warn!(operation = "realtime:server:accept", "cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Listens at the first of the host's addresses that can be had.
async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    for address in tokio::net::lookup_host((host, port)).await? {
        let bound = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // A port of connections that have just ended may be used again at once; on Windows it would let
            // two programs share it.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        match bound() {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn next(
    socket: &TcpListener,
    entering: &Entering,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = entering.free().await?;
    let (stream, peer) = socket.accept().await?;
    Ok((stream, peer, place))
}

/// Speaks HTTP until the connection is upgraded or ends.
async fn handshake(stream: TcpStream, peer: SocketAddr, place: EnteringPlace, context: Arc<Context>) {
    // A lone update must leave at once, not wait for an acknowledgement of the one before (RFC 896).
    let _ = stream.set_nodelay(true);
    let limits = &context.config.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout)
        .max_headers(limits.headers_max)
        .max_buf_size(limits.header_bytes_max.max(HTTP_BUFFER_BYTES_MIN));
    let place = Arc::new(place);
    let service = service_fn(|request| {
        let answer = respond(request, peer, Arc::clone(&place), &context);
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::select! {
        result = connection => {
            if let Err(error) = result {
                debug!(operation = "realtime:server:http", peer = %peer, "the request failed: {error}");
            }
        }
        () = context.stopping.cancelled() => {}
    }
}

/// hyper panics below this.
const HTTP_BUFFER_BYTES_MIN: usize = 8_192;

fn respond(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    place: Arc<EnteringPlace>,
    context: &Arc<Context>,
) -> Answer {
    let config = &context.config;
    let wishes = ClientRequest::read(request.uri(), request.headers(), &config.path);
    let is_room = wishes.is_some();
    let (Some(wishes), Some(key)) = (wishes, upgrade_key(&request)) else {
        return http::answer(request.method(), request.uri().path(), is_room, context);
    };
    if request.headers().get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut answer = http::plain(StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is spoken here\n");
        answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return answer;
    }
    if !origin::is_allowed(request.headers(), &config.allowed_origins) {
        return http::plain(StatusCode::FORBIDDEN, "this origin is not in allowed_origins\n");
    }
    let ip = origin::client_ip(peer.ip(), request.headers(), &config.trusted_proxies);
    let extensions = if config.compression { extensions::agree(request.headers()) } else { None };
    let deflate = extensions.is_some();
    let answer = switching_protocols(&key, wishes.subprotocol.as_deref(), extensions);
    let upgrade = hyper::upgrade::on(&mut request);
    let serving = Arc::clone(context);
    context.tasks.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        if let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() {
            let stream = parts.io.into_inner();
            let head = parts.read_buf;
            let upgraded = Upgraded { stream, head, request: wishes, ip, deflate, entering: place };
            // In a task of its own, which is no larger than what goes on for as long as the client stays.
            let tasks = serving.tasks.clone();
            tasks.spawn(connection::serve(upgraded, serving));
        }
    });
    answer
}

/// The key of a WebSocket upgrade request (RFC 6455 section 4.2.1); `None` if it is none.
fn upgrade_key(request: &Request<Incoming>) -> Option<HeaderValue> {
    let headers = request.headers();
    let is_upgrade = request.method() == Method::GET
        && has_token(headers, &CONNECTION, "upgrade")
        && has_token(headers, &UPGRADE, "websocket");
    headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_upgrade).cloned()
}

fn has_token(headers: &HeaderMap, name: &hyper::header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn switching_protocols(
    key: &HeaderValue,
    subprotocol: Option<&str>,
    extensions: Option<&'static str>,
) -> Answer {
    let accept =
        STANDARD.encode(Sha1::new().chain_update(key.as_bytes()).chain_update(WEBSOCKET_GUID).finalize());
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 and what a client sent as a header are legal in a header.
    headers.extend(HeaderValue::try_from(accept).ok().map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
    let subprotocol = subprotocol.and_then(|name| HeaderValue::try_from(name).ok());
    headers.extend(subprotocol.map(|name| (SEC_WEBSOCKET_PROTOCOL, name)));
    let extensions = extensions.map(HeaderValue::from_static);
    headers.extend(extensions.map(|agreed| (SEC_WEBSOCKET_EXTENSIONS, agreed)));
    answer
}
