//! From plain values to settings that hold: every key with its type and range, and how they relate.

use super::complaint::Complaint;
use super::section::{Checked, Section};
use super::{
    Auth, Config, ConnectionCleanup, Document, Durability, Features, Limits, LossyPolicy, Policy,
    RateLimiting, Redis, Rooms, SnapshotStorage, Snapshots, Storage, WithoutEdit,
};

/// Long waits end here, so that adding one to a point in time cannot overflow.
const DAYS_30_SECONDS: u64 = 30 * 24 * 3600;
const DAY_SECONDS: f64 = 24.0 * 3600.0;
const GIB: u64 = 1 << 30;
const HOST_CHARS_MAX: usize = 253;
const PATH_CHARS_MAX: usize = 256;

/// Reads all settings from values that have every key.
pub(super) fn config(top: &Section<'_>) -> Checked<Config> {
    let config = Config {
        enabled: top.flag_or_text("enabled")?,
        port: top.whole("port", 0..=u64::from(u16::MAX))?,
        host: top.text("host", "an IP address or a host name, without a port", is_host)?,
        path: top.text(
            "path",
            "a path such as /realtime: it begins with `/`, does not end with it, and its parts hold letters, \
             digits, `-`, `_`, `.` and `~`",
            is_path,
        )?,
        compression: top.flag("compression")?,
        heartbeat: top.seconds("heartbeat", 1.0..=3600.0)?,
        host_timeout: top.seconds("host_timeout", 0.1..=300.0)?,
        shutdown_timeout: top.seconds("shutdown_timeout", 0.1..=300.0)?,
        allowed_origins: top.list(
            "allowed_origins",
            "a list of origins such as https://town.example or http://localhost:3000, without a path",
            |text| is_origin(text).then(|| text.to_owned()),
        )?,
        trusted_proxies: top.list(
            "trusted_proxies",
            "a list of IP addresses or ranges such as 127.0.0.1 or 10.0.0.0/8",
            |text| text.parse().ok(),
        )?,
        features: features(&top.section("features")?)?,
        auth: auth(&top.section("auth")?)?,
        rooms: rooms(&top.section("rooms")?)?,
        snapshots: snapshots(&top.section("snapshots")?)?,
        rate_limiting: rate_limiting(&top.section("rate_limiting")?)?,
        connection_cleanup: connection_cleanup(&top.section("connection_cleanup")?)?,
        limits: limits(&top.section("limits")?)?,
        storage: storage(&top.section("storage")?)?,
        document: document(&top.section("document")?)?,
        redis: redis(&top.section("redis")?)?,
    };
    relations(&config)?;
    Ok(config)
}

fn features(section: &Section<'_>) -> Checked<Features> {
    Ok(Features {
        realtime: section.flag("realtime")?,
        collaborative_editing: section.flag("collaborative_editing")?,
        presence_tracking: section.flag("presence_tracking")?,
        snapshots: section.flag("snapshots")?,
    })
}

fn auth(section: &Section<'_>) -> Checked<Auth> {
    Ok(Auth {
        revalidate_interval: section.seconds_or_zero("revalidate_interval", DAYS_30_SECONDS as f64)?,
        allowed_roles: section.list("allowed_roles", "a list of roles such as clerk or admin", |text| {
            (!text.is_empty()).then(|| text.to_owned())
        })?,
        without_edit: section.choice(
            "without_edit",
            &[("readonly", WithoutEdit::ReadOnly), ("reject", WithoutEdit::Reject)],
        )?,
    })
}

fn rooms(section: &Section<'_>) -> Checked<Rooms> {
    Ok(Rooms {
        max_rooms: section.whole("max_rooms", 1..=1_000_000)?,
        cleanup_timeout: section.seconds_or_zero("cleanup_timeout", DAYS_30_SECONDS as f64)?,
        grace_period: section.milliseconds("grace_period_ms", DAYS_30_SECONDS * 1000)?,
    })
}

fn snapshots(section: &Section<'_>) -> Checked<Snapshots> {
    Ok(Snapshots {
        enabled: section.flag("enabled")?,
        interval: section.seconds_or_zero("interval", DAYS_30_SECONDS as f64)?,
        max_updates: section.whole("max_updates", 1..=1_000_000_000)?,
        storage: section.choice(
            "storage",
            &[("database", SnapshotStorage::Database), ("filesystem", SnapshotStorage::Filesystem)],
        )?,
    })
}

fn rate_limiting(section: &Section<'_>) -> Checked<RateLimiting> {
    Ok(RateLimiting {
        messages_per_second: section.whole("messages_per_second", 1..=1_000_000)?,
        policy: section.choice("policy", &[("merge", Policy::Merge), ("close", Policy::Close)])?,
        frames_per_second_max: section.whole("frames_per_second_max", 1..=10_000_000)?,
        bytes_per_second_max: section.whole("bytes_per_second_max", 1024..=GIB)?,
        connections_per_ip: section.whole("connections_per_ip", 1..=1_000_000)?,
        connections_per_user: section.whole("connections_per_user", 1..=1_000_000)?,
        max_connections: section.whole("max_connections", 1..=1_000_000)?,
    })
}

fn connection_cleanup(section: &Section<'_>) -> Checked<ConnectionCleanup> {
    Ok(ConnectionCleanup {
        enabled: section.flag("enabled")?,
        check_interval: section.seconds("check_interval", 1.0..=DAY_SECONDS)?,
        stale_threshold: section.seconds("stale_threshold", 1.0..=DAY_SECONDS)?,
    })
}

fn limits(section: &Section<'_>) -> Checked<Limits> {
    Ok(Limits {
        frame_bytes_max: section.whole("frame_bytes_max", 1024..=GIB / 4)?,
        waiting_bytes_per_client_max: section.whole("waiting_bytes_per_client_max", 1024..=GIB)?,
        handshake_timeout: section.seconds("handshake_timeout", 0.1..=300.0)?,
        // The HTTP library takes no buffer below 8 KiB.
        header_bytes_max: section.whole("header_bytes_max", 8192..=1024 * 1024)?,
        headers_max: section.whole("headers_max", 10..=1000)?,
    })
}

fn storage(section: &Section<'_>) -> Checked<Storage> {
    Ok(Storage {
        file: section.text("file", "a file's path", is_file)?.into(),
        durability: section
            .choice("durability", &[("normal", Durability::Normal), ("full", Durability::Full)])?,
        group_window: section.milliseconds("group_window_ms", 1000)?,
        queue_bytes_max: section.whole("queue_bytes_max", 1024..=GIB)?,
    })
}

fn document(section: &Section<'_>) -> Checked<Document> {
    let choices =
        [("readonly", LossyPolicy::ReadOnly), ("allow", LossyPolicy::Allow), ("reject", LossyPolicy::Reject)];
    Ok(Document {
        lossy: section.choice("lossy", &choices)?,
        bytes_max: section.whole("bytes_max", 1024..=GIB / 4)?,
    })
}

fn redis(section: &Section<'_>) -> Checked<Redis> {
    let one_node = "false (this version runs as one node)";
    if section.flag("enabled") != Ok(false) {
        return Err(section.complaint("enabled", one_node));
    }
    Ok(Redis { enabled: false, url: section.optional_text("url")? })
}

/// Settings that are each allowed but do not go together.
fn relations(config: &Config) -> Checked<()> {
    let Config { rate_limiting: rate, limits, storage, connection_cleanup: cleanup, heartbeat, .. } = config;
    let seconds = |time: &std::time::Duration| time.as_secs_f64().to_string();
    let frame = ("limits.frame_bytes_max", limits.frame_bytes_max as u64);
    // Without a pong in between, every silent peer would be taken for gone.
    if cleanup.stale_threshold <= *heartbeat {
        return Err(Complaint {
            related: Some("heartbeat"),
            ..Complaint::new(
                "connection_cleanup.stale_threshold",
                seconds(&cleanup.stale_threshold),
                format!("seconds, more than heartbeat ({})", seconds(heartbeat)),
            )
        });
    }
    for (key, value, (least_key, least)) in [
        // Each of these would refuse a message that is allowed.
        ("rate_limiting.bytes_per_second_max", rate.bytes_per_second_max, frame),
        ("limits.waiting_bytes_per_client_max", limits.waiting_bytes_per_client_max as u64, frame),
        ("storage.queue_bytes_max", storage.queue_bytes_max as u64, frame),
        // The hard budget would make the soft one meaningless.
        (
            "rate_limiting.frames_per_second_max",
            rate.frames_per_second_max,
            ("rate_limiting.messages_per_second", rate.messages_per_second),
        ),
    ] {
        if value < least {
            let allowed = format!("a whole number, at least {least_key} ({least})");
            return Err(Complaint {
                related: Some(least_key),
                ..Complaint::new(key, value.to_string(), allowed)
            });
        }
    }
    Ok(())
}

fn is_host(text: &str) -> bool {
    let is_name = text.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    });
    text.parse::<std::net::IpAddr>().is_ok() || (is_name && text.len() <= HOST_CHARS_MAX)
}

fn is_path(text: &str) -> bool {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    text.len() <= PATH_CHARS_MAX && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_part))
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte))
}

fn is_file(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\0') && !text.ends_with(['/', '\\'])
}
