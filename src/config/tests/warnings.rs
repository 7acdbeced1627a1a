//! Unknown keys, old spellings and the like.

use serde_json::json;

use super::*;

fn unknown(key: &str, nearest: &str) -> String {
    format!("unknown key `{key}` is ignored; the nearest known key is `{nearest}`")
}

#[test]
fn odd_keys_are_named_with_their_line() {
    for (text, expected) in [
        ("port: 1\nprot: 2", format!("realtime.yml:2: {}", unknown("prot", "port"))),
        ("realtime:\n  rooms:\n    max_room: 1", format!("realtime.yml:3: {}", unknown("rooms.max_room", "rooms.max_rooms"))),
        ("realtme: {port: 1}", format!("realtime.yml:1: {}", unknown("realtme", "realtime"))),
        ("max_rooms: 1", format!("realtime.yml:1: {}", unknown("max_rooms", "rooms.max_rooms"))),
        ("rate_limit: {x: 1}", format!("realtime.yml:1: {}", unknown("rate_limit", "rate_limiting"))),
        (
            "rateLimiting: {messagesPerSecond: 1}",
            format!("realtime.yml:1: {}", unknown("rateLimiting", "rate_limiting")),
        ),
        ("snapshots: {intervall: 1}", format!("realtime.yml:1: {}", unknown("snapshots.intervall", "snapshots.interval"))),
        ("<<: {port: 1}", format!("realtime.yml:1: {}", unknown("<<", "redis"))),
        (
            "\nrooms.max_rooms: 1",
            "realtime.yml:2: `rooms.max_rooms` is written as one key and ignored; \
             write each part as a key inside the one before"
                .to_owned(),
        ),
        ("host:\n", "realtime.yml:1: `host` has no value and is ignored".to_owned()),
        ("realtime: {}\nport: 1", "realtime.yml:2: `port` stands outside `realtime` and is ignored".to_owned()),
        (
            "port: 3001\nsnapshot: {interval: 300}",
            "realtime.yml:2: `snapshot` is the older spelling of `snapshots`; it is read, but please rename it"
                .to_owned(),
        ),
        (
            "snapshot: {interval: 1}\nsnapshots: {interval: 300}",
            "realtime.yml:1: `snapshot` is the older spelling of `snapshots`, which is there too; it is ignored"
                .to_owned(),
        ),
        ("\"a\\nb\": 1", format!("realtime.yml:1: {}", unknown("a\\nb", "rooms"))),
    ] {
        let loaded = load(text);
        // What a key without meaning is most like is not for us to say.
        let is_far = text.starts_with("<<") || text.starts_with('"');
        let cut = |text: &str| if is_far { text.split(';').next().map(str::to_owned) } else { Some(text.to_owned()) };
        assert_eq!(loaded.warnings.iter().map(|text| cut(text)).collect::<Vec<_>>(), [cut(&expected)], "{text}");
    }
}

#[test]
fn the_older_spelling_is_read() {
    assert_eq!(load("realtime: {snapshot: {interval: 7}}").config.snapshots.interval, Duration::from_secs(7));
    let loaded = Config::from_value(json!({"snapshot": {"max_updates": 7}})).unwrap();
    assert_eq!((loaded.config.snapshots.max_updates, loaded.warnings.len()), (7, 1));
}

#[test]
fn objects_are_warned_about_without_a_place() {
    let loaded = Config::from_value(json!({"maxRooms": 1})).unwrap();
    assert_eq!(loaded.warnings, [unknown("maxRooms", "rooms.max_rooms")]);
}

#[test]
fn unknown_variables_are_named_and_foreign_ones_left_alone() {
    let variables =
        [("CIVIC_REALTIME_PROT", "1"), ("CIVIC_REALTIME_HOST", ""), ("CIVIC_PORT", "2"), ("PATH", "/bin")];
    let loaded = Layers::new().environment(variables).unwrap().load().unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(
        loaded.warnings,
        ["unknown variable `CIVIC_REALTIME_PROT` is ignored; the nearest known one is `CIVIC_REALTIME_PORT`"]
    );
}
