//! The example file, the defaults in it, and the keys of the settings.

use serde_json::json;

use super::super::{known, yaml};
use super::*;

#[test]
fn the_contract_holds() {
    let config = serde_json::to_value(Config::default()).unwrap();
    for (pointer, expected) in [
        ("/enabled", json!(true)),
        ("/port", json!(3001)),
        ("/host", json!("0.0.0.0")),
        ("/path", json!("/realtime")),
        ("/rooms/max_rooms", json!(100)),
        ("/rooms/cleanup_timeout", json!(3600)),
        ("/rooms/grace_period_ms", json!(300_000)),
        ("/snapshots/enabled", json!(true)),
        ("/snapshots/interval", json!(300)),
        ("/snapshots/max_updates", json!(100)),
        ("/snapshots/storage", json!("database")),
        ("/rate_limiting/messages_per_second", json!(10)),
        ("/rate_limiting/policy", json!("merge")),
        ("/rate_limiting/connections_per_ip", json!(100)),
        ("/rate_limiting/connections_per_user", json!(10)),
        ("/rate_limiting/max_connections", json!(10_000)),
        ("/connection_cleanup/enabled", json!(true)),
        ("/connection_cleanup/check_interval", json!(60)),
        ("/connection_cleanup/stale_threshold", json!(600)),
        ("/document/lossy", json!("readonly")),
        ("/document/bytes_max", json!(10_485_760)),
        ("/redis/enabled", json!(false)),
        ("/redis/url", json!(null)),
    ] {
        assert_eq!(config.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn the_example_has_every_setting_and_no_other() {
    let example = yaml::parse(EXAMPLE).unwrap();
    assert_eq!(serde_json::to_value(Config::default()).unwrap(), example[known::TOP_KEY]);
}

#[test]
fn the_example_is_a_file_without_complaints() {
    let loaded = load(EXAMPLE);
    assert_eq!(loaded, Loaded { config: Config::default(), warnings: Vec::new() });
}

#[test]
fn nothing_means_the_defaults() {
    for text in
        ["", " \n", "# a comment\n", "---\n", "null", "{}", "realtime:", "realtime: {}", "rooms:\nredis:\n"]
    {
        assert_eq!(load(text), Loaded { config: Config::default(), warnings: Vec::new() }, "{text:?}");
    }
    assert_eq!(Config::from_value(json!({})).unwrap().config, Config::default());
}

/// The lines of comment right above a line, as one.
fn comment_above(line: usize) -> String {
    let lines: Vec<_> = EXAMPLE.lines().take(line - 1).collect();
    let mut comment: Vec<_> = lines.iter().rev().map_while(|line| line.trim().strip_prefix('#')).collect();
    comment.reverse();
    comment.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_example_says_of_every_key_what_the_code_allows() {
    for path in known::paths(known::defaults().unwrap(), false) {
        let mut value = json!({});
        for key in path.rsplit('.') {
            value = json!({ key: value });
        }
        let error = Config::from_value(value).unwrap_err();
        assert_eq!(error.context["key"], json!(path));
        let parts: Vec<_> = [known::TOP_KEY].into_iter().chain(path.split('.')).collect();
        let line = yaml::line_of(EXAMPLE, &parts).unwrap();
        let (comment, allowed) = (comment_above(line), error.context["allowed"].as_str().unwrap());
        let (meaning, rest) = comment.split_once("Allowed: ").unwrap_or_else(|| panic!("{path}: {comment}"));
        assert_eq!(rest, format!("{allowed}."), "{path}");
        assert!(meaning.len() > 10, "{path} has no explanation");
    }
}

#[test]
fn every_key_is_found_on_its_line() {
    let lines: Vec<_> = EXAMPLE.lines().collect();
    for path in known::paths(known::defaults().unwrap(), true) {
        let parts: Vec<_> = [known::TOP_KEY].into_iter().chain(path.split('.')).collect();
        let line = lines[yaml::line_of(EXAMPLE, &parts).unwrap() - 1];
        let start = format!("{}{}:", "  ".repeat(parts.len() - 1), parts[parts.len() - 1]);
        assert!(line.starts_with(&start), "{path}: {line}");
    }
}

#[test]
fn later_layers_win_and_sections_are_merged() {
    let loaded = Layers::new()
        .yaml("rooms: {max_rooms: 5, grace_period_ms: 0}\ntrusted_proxies: [10.0.0.0/8, '::1']", None)
        .unwrap()
        .object(json!({"rooms": {"max_rooms": 6.0}, "trusted_proxies": ["127.0.0.1"], "snapshots": {"interval": 0.5}}))
        .unwrap()
        .environment([("CIVIC_REALTIME_SNAPSHOTS_STORAGE", "filesystem")])
        .unwrap()
        .load()
        .unwrap();
    let Config { rooms, snapshots, trusted_proxies, .. } = loaded.config;
    assert_eq!((rooms.max_rooms, rooms.grace_period), (6, Duration::ZERO));
    assert_eq!(snapshots.interval, Duration::from_millis(500));
    assert_eq!(snapshots.storage, SnapshotStorage::Filesystem);
    assert_eq!(trusted_proxies, ["127.0.0.1".parse().unwrap()]);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_later_layer_may_mend_an_earlier_one() {
    let mended = Layers::new().yaml("heartbeat: 700", None).unwrap();
    let mended =
        mended.environment([("CIVIC_REALTIME_CONNECTION_CLEANUP_STALE_THRESHOLD", "800.5")]).unwrap();
    assert_eq!(
        mended.load().unwrap().config.connection_cleanup.stale_threshold,
        Duration::from_secs_f64(800.5)
    );
}

#[test]
fn enabled_may_be_a_text() {
    for (text, enabled) in [("true", true), ("True", true), ("false", false), ("False", false)] {
        assert_eq!(load(&format!("enabled: {text}")).config.enabled, enabled);
        assert_eq!(load(&format!("enabled: '{text}'")).config.enabled, enabled);
        let variable = [("CIVIC_REALTIME_ENABLED", text)];
        assert_eq!(Layers::new().environment(variable).unwrap().load().unwrap().config.enabled, enabled);
    }
}

#[test]
fn the_database_lies_beside_the_configuration() {
    let folder = Path::new("/srv/town/.system-data");
    assert_eq!(Config::default().storage.file_in(folder), folder.join("realtime.db"));
    let elsewhere = load("storage: {file: /var/lib/realtime.db}").config.storage;
    assert_eq!(elsewhere.file_in(folder), Path::new("/var/lib/realtime.db"));
}

#[test]
fn a_password_is_not_in_debug_output() {
    let config = load("redis: {url: 'redis://:hunter2@localhost'}").config;
    assert_eq!(config.redis.url.as_deref(), Some("redis://:hunter2@localhost"));
    assert!(!format!("{config:?}").contains("hunter2"));
}
