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
use super::admission::{ask_host, check_role};
use crate::config::WithoutEdit;
use crate::error::{Code, RealtimeError};
use crate::ids::RECORDS;
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
    let asked = ask_host(context, &session.room, token, session.ip);
    let Ok(answer) = timeout(context.config.host_timeout, asked).await else {
        warn!(operation = "realtime:session:revalidate", client = %session.client, "the host did not answer");
        return;
    };
    let config = &context.config;
    let allowed = answer.and_then(|authorization| {
        check_role(&config.auth.allowed_roles, &authorization)?;
        if !authorization.can_edit && config.auth.without_edit == WithoutEdit::Reject {
            let message = "the right to edit this record is gone (auth.without_edit)";
            return Err(
                RealtimeError::new(Code::PermissionDenied, message).with("reason", "edit_not_allowed")
            );
        }
        Ok(authorization.can_edit && config.features.collaborative_editing)
    });
    match allowed {
        Ok(can_edit) => set_read_only(context, session, !can_edit).await,
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

/// Changes what a client may do, and lets its room tell it.
pub(crate) async fn set_read_only(context: &Context, session: &Session, read_only: bool) {
    if session.room.room_type() == RECORDS && session.set_read_only(read_only) {
        context.rooms.tell(&session.room, Message::RightsChanged(session.client)).await;
    }
}
