//! Asks the host again, every `auth.revalidate_interval`, whether sessions are still valid and what
//! their users may do; one task for all connections.
//!
//! A host that fails to answer changes nothing: it is asked again the next time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::timeout;
use tracing::{info, warn};

use super::Context;
use super::admission::{ask_host, judge};
use crate::error::Code;
use crate::room::messages::Message;
use crate::room::sessions::Session;

/// Sessions that the host is asked about at the same time.
const QUESTIONS_AT_ONCE_MAX: usize = 8;

/// Runs until the module shuts down.
pub(super) async fn run(context: Arc<Context>) {
    let interval = context.config.auth.revalidate_interval;
    if interval.is_zero() {
        return;
    }
    loop {
        tokio::select! {
            () = context.stopping.cancelled() => return,
            () = pass(&context, interval) => {}
        }
    }
}

async fn pass(context: &Context, interval: Duration) {
    tokio::time::sleep(interval).await;
    let sessions = context.sessions.all();
    stream::iter(sessions)
        .for_each_concurrent(QUESTIONS_AT_ONCE_MAX, |session| async move { check(context, &session).await })
        .await;
}

async fn check(context: &Context, session: &Arc<Session>) {
    let Some(token) = session.token().filter(|_| !session.is_revoked()).cloned() else { return };
    let rights = session.rights();
    let asked = ask_host(context, &session.room, token, session.ip);
    let Ok(answer) = timeout(context.config.host_timeout, asked).await else {
        warn!(operation = "realtime:session:revalidate", client = %session.client, "the host did not answer");
        return;
    };
    let allowed = answer.and_then(|authorization| judge(&context.config, &session.room, &authorization));
    match allowed {
        Ok(read_only) => {
            if session.set_read_only_since(rights, read_only) {
                tell_room(context, session).await;
            }
        }
        Err(error) if matches!(error.code, Code::AuthFailed | Code::PermissionDenied) => {
            info!(
                operation = "realtime:session:revalidate", client = %session.client, room = %session.room,
                code = %error.code, "the connection ends: {}", error.message
            );
            session.end(&error);
        }
        Err(error) => warn!(
            operation = "realtime:session:revalidate", client = %session.client, code = %error.code,
            "the host could not answer and is asked again: {}", error.message
        ),
    }
}

/// Lets a client's room tell it that its rights have changed.
pub(crate) async fn tell_room(context: &Context, session: &Session) {
    context.rooms.tell(&session.room, Message::RightsChanged(session.client)).await;
}
