//! Wrong values: what is said of them, and where.

use serde_json::json;

use super::*;

#[test]
fn a_wrong_value_is_named_with_its_line_and_what_is_allowed() {
    for (text, expected) in [
        ("port: '3001'", "1: port | \"3001\" | a whole number from 0 to 65535"),
        ("realtime:\n  port: 65536", "2: port | 65536 | a whole number from 0 to 65535"),
        ("port: 1.5", "1: port | 1.5 | a whole number from 0 to 65535"),
        ("port: -1", "1: port | -1 | a whole number from 0 to 65535"),
        ("port: .inf", "1: port | \"inf\" | a whole number from 0 to 65535"),
        ("port: 99999999999999999999", "1: port | \"99999999999999999999\" | a whole number from 0 to 65535"),
        ("port: [1]", "1: port | a list | a whole number from 0 to 65535"),
        ("port:\n  - 1", "1: port | a list | a whole number from 0 to 65535"),
        ("enabled: yes", "1: enabled | \"yes\" | true or false"),
        ("snapshots:\n\n  # a comment\n  enabled: 'true'", "4: snapshots.enabled | \"true\" | true or false"),
        (
            "# port: 1\nport: 1\nrooms:\n  max_rooms: 0\n",
            "4: rooms.max_rooms | 0 | a whole number from 1 to 1000000",
        ),
        (
            "{port: 1,\n rooms:\n {cleanup_timeout: 1,\n  'max_rooms': many}}",
            "4: rooms.max_rooms | \"many\" | a whole number from 1 to 1000000",
        ),
        (
            "a: &sizes\n  max_rooms: 0\nrooms: *sizes",
            "2: rooms.max_rooms | 0 | a whole number from 1 to 1000000",
        ),
        (
            "snapshots: {interval: -1}",
            "1: snapshots.interval | -1 | 0, or seconds from 0.001 to 2592000, fractions allowed",
        ),
        (
            "snapshots: {interval: 1e-9}",
            "1: snapshots.interval | 1e-9 | 0, or seconds from 0.001 to 2592000, fractions allowed",
        ),
        (
            "rooms: {grace_period_ms: 0.5}",
            "1: rooms.grace_period_ms | 0.5 | milliseconds from 0 to 2592000000, a whole number",
        ),
        ("heartbeat: 0", "1: heartbeat | 0 | seconds from 1 to 3600, fractions allowed"),
        ("snapshots: {storage: disk}", "1: snapshots.storage | \"disk\" | database or filesystem"),
        ("snapshot:\n  storage: disk", "2: snapshots.storage | \"disk\" | database or filesystem"),
        (
            "trusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.0/40",
            "3: trusted_proxies | \"10.0.0.0/40\" | a list of IP addresses or ranges such as 127.0.0.1 or 10.0.0.0/8",
        ),
        (
            "allowed_origins: https://town.example",
            "1: allowed_origins | \"https://town.example\" | \
             a list of origins such as https://town.example or http://localhost:3000, without a path",
        ),
        ("redis:\n  enabled: true", "2: redis.enabled | true | false (this version runs as one node)"),
        ("redis: {url: 7}", "1: redis.url | 7 | a text, or nothing"),
        (
            "port: 1\nrooms: 100",
            "2: rooms | 100 | a section with the keys cleanup_timeout, grace_period_ms, max_rooms",
        ),
        ("port: 1\nport: 2", "2: port | the key a second time | each key once"),
        (
            "realtime:\n  rooms:\n    max_rooms: 1\n    max_rooms: 1",
            "4: rooms.max_rooms | the key a second time | each key once",
        ),
        ("port: !port 1", "1: port | a YAML tag (`!`) | a plain value"),
        ("port: 1\n---\nport: 2", ":  | a second document (`---`) | one document"),
        ("port: 1\nrooms:\n\tmax_rooms: 1", "3:  | a tab at the start of the line | spaces for indentation"),
        ("port: [1, 2", "2:  | no YAML (did not find expected ',' or ']') | YAML"),
        ("port: 1\n  host: x", "2:  | no YAML (mapping values are not allowed in this context) | YAML"),
        ("port: *nothing", "1:  | no YAML (unknown anchor) | YAML"),
    ] {
        let error = fail(text);
        assert_eq!(facts(&error), expected, "{text}");
        assert_eq!(error.context["file"], "realtime.yml");
        assert!(error.message.starts_with("realtime.yml:"), "{}", error.message);
    }
}

#[test]
fn the_message_says_it_all() {
    let error = fail("realtime:\n  rooms:\n    max_rooms: none\n");
    let message =
        "realtime.yml:3: rooms.max_rooms: found \"none\"; allowed: a whole number from 1 to 1000000";
    assert_eq!(error.message, message);
    let error = Config::from_value(json!({"port": "x"})).unwrap_err();
    assert_eq!(error.message, "port: found \"x\"; allowed: a whole number from 0 to 65535");
}

#[test]
fn what_is_no_section_is_refused() {
    for text in ["5", "- 1", "realtime: [1]", "just a text"] {
        let error = fail(text);
        assert_eq!(error.context["line"], 1, "{text}");
        assert!(error.context["allowed"].as_str().unwrap().starts_with("a section with the keys"), "{error}");
    }
    assert!(Config::from_value(json!([])).is_err());
}

#[test]
fn texts_must_fit() {
    for (key, good, bad) in [
        (
            "host",
            &["::", "127.0.0.1", "localhost", "a-b.example"][..],
            &["", "a:80", "[::1]", "http://x", "a b", "-a"][..],
        ),
        (
            "path",
            &["/realtime", "/a/b_c.d~"],
            &["", "/", "realtime", "/a/", "//a", "/a/../b", "/a?b", "/%41", "/ä"],
        ),
        ("storage.file", &["x.db", "/a/b c.db"], &["", " ", "a/", "a\u{0}b"]),
    ] {
        let with = |text: &str| {
            let value = key.rsplit('.').fold(json!(text), |value, key| json!({ key: value }));
            Config::from_value(value)
        };
        assert!(good.iter().all(|text| with(text).is_ok()), "{key}");
        for text in bad {
            assert_eq!(with(text).unwrap_err().context["key"], key, "{text:?}");
        }
    }
    let origin = |text: &str| Config::from_value(json!({ "allowed_origins": [text] }));
    assert!(
        ["https://a.example", "http://localhost:3000", "http://[::1]:80"]
            .iter()
            .all(|text| origin(text).is_ok())
    );
    assert!(
        ["", "*", "a.example", "https://", "https://a/", "https://a/b", "://a"]
            .iter()
            .all(|text| origin(text).is_err())
    );
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    for (text, expected) in [
        (
            "heartbeat: 700",
            "1: connection_cleanup.stale_threshold | 600 | seconds, more than heartbeat (700)",
        ),
        (
            "port: 1\nconnection_cleanup: {stale_threshold: 25}",
            "2: connection_cleanup.stale_threshold | 25 | seconds, more than heartbeat (25)",
        ),
        (
            "limits: {frame_bytes_max: 50000000}",
            "1: rate_limiting.bytes_per_second_max | 33554432 | \
             a whole number, at least limits.frame_bytes_max (50000000)",
        ),
        (
            "limits:\n  waiting_bytes_per_client_max: 1024",
            "2: limits.waiting_bytes_per_client_max | 1024 | \
             a whole number, at least limits.frame_bytes_max (16777216)",
        ),
        (
            "storage: {queue_bytes_max: 1024}",
            "1: storage.queue_bytes_max | 1024 | a whole number, at least limits.frame_bytes_max (16777216)",
        ),
        (
            "rate_limiting: {messages_per_second: 3000}",
            "1: rate_limiting.frames_per_second_max | 2000 | \
             a whole number, at least rate_limiting.messages_per_second (3000)",
        ),
    ] {
        assert_eq!(facts(&fail(text)), expected);
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, value, expected) in [
        ("PORT", "http", "port | \"http\" | a whole number from 0 to 65535"),
        ("PORT", "1e999", "port | \"1e999\" | a whole number from 0 to 65535"),
        ("ROOMS_MAX_ROOMS", "-5", "rooms.max_rooms | -5 | a whole number from 1 to 1000000"),
        ("SNAPSHOTS_ENABLED", "1", "snapshots.enabled | \"1\" | true or false"),
        ("REDIS_ENABLED", "TRUE", "redis.enabled | true | false (this version runs as one node)"),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/8, proxy",
            "trusted_proxies | \"proxy\" | a list of IP addresses or ranges such as 127.0.0.1 or 10.0.0.0/8",
        ),
    ] {
        let name = format!("CIVIC_REALTIME_{name}");
        // The file is fine; the complaint must not point there.
        let layers = Layers::new().yaml("port: 1\nrooms: {max_rooms: 1}", None).unwrap();
        let error = layers.environment([(&name, value)]).unwrap().load().unwrap_err();
        assert_eq!(facts(&error), format!("{name}: {expected}"));
        assert!(error.message.starts_with(&name), "{}", error.message);
    }
}
