//! Pings everybody and drops those from whom nothing comes any more; one task for all connections, so
//! that an idle connection has no timer of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval_at};
use tracing::info;

use super::Context;
use crate::protocol::frame::Frame;

/// Runs until the module shuts down.
pub(super) async fn run(context: Arc<Context>) {
    let cleanup = &context.config.connection_cleanup;
    let mut pings = ticks(context.config.heartbeat);
    let mut checks = ticks(cleanup.check_interval);
    let ping = Frame::ping();
    loop {
        tokio::select! {
            () = context.stopping.cancelled() => return,
            _ = pings.tick() => {
                for session in context.sessions.all() {
                    session.outbox.send(ping.clone());
                }
            }
            _ = checks.tick(), if cleanup.enabled => drop_silent(&context, Instant::now()),
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn drop_silent(context: &Context, now: Instant) {
    let threshold = context.config.connection_cleanup.stale_threshold;
    for session in context.sessions.all() {
        if session.silence(now) >= threshold {
            context.metrics.stale_closes.add(1);
            info!(
                operation = "realtime:client:stale", client = %session.client, room = %session.room,
                "nothing came from the client for too long; it is dropped"
            );
            session.outbox.discard();
        }
    }
}
