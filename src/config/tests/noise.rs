//! Random values and random text.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::super::known;
use super::*;

/// Pieces that the parser and we take for something.
fn pieces() -> impl Strategy<Value = String> {
    let known = known::paths(known::defaults().unwrap(), true);
    let keys: Vec<String> =
        known.iter().map(|path| format!("{}: ", path.rsplit('.').next().unwrap())).collect();
    let signs = [
        "\n",
        "\n  ",
        "\n    ",
        "realtime:\n  ",
        "snapshot: ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&a ",
        "*a",
        "!t ",
        "!!int ",
        "'",
        "\"",
        "|\n",
        ">\n",
        "? ",
        ": ",
        "#",
        "---\n",
        "...\n",
        "\t",
        "~",
        "true",
        "-1",
        "0.5",
        "1e400",
        ".nan",
        "18446744073709551616",
        "0x1F",
        "database",
        "<<: ",
        "%YAML 1.2\n",
        "\u{feff}",
        "\u{85}",
        "\r",
        "ä",
    ];
    let signs = signs.map(str::to_owned);
    let piece = prop_oneof![proptest::sample::select(keys), proptest::sample::select(signs.to_vec())];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn json_noise() -> impl Strategy<Value = Value> {
    let known = known::paths(known::defaults().unwrap(), true);
    let keys: Vec<String> = known.iter().flat_map(|path| path.split('.').map(str::to_owned)).collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        let entry = (proptest::sample::select(keys.clone()), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            proptest::collection::vec(entry, 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Whatever comes out is either a configuration or a complaint of ours.
fn is_sound(result: Result<Loaded>) -> bool {
    match result {
        Ok(loaded) => loaded.warnings.len() < 100,
        Err(error) => {
            error.code == Code::ConfigInvalid && !error.message.is_empty() && error.message.len() < 2_000
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_settings_or_a_complaint(text in any::<String>()) {
        prop_assert!(is_sound(Config::from_yaml(&text, None)));
    }

    #[test]
    fn anything_like_yaml_is_settings_or_a_complaint(text in pieces()) {
        prop_assert!(is_sound(Config::from_yaml(&text, Some(Path::new("realtime.yml")))));
    }

    #[test]
    fn any_object_is_settings_or_a_complaint(value in json_noise()) {
        prop_assert!(is_sound(Config::from_value(value)));
    }

    #[test]
    fn any_variable_is_a_setting_or_a_complaint(index in any::<proptest::sample::Index>(), text in ".{0,20}") {
        let paths = known::paths(known::defaults().unwrap(), true);
        let path = index.get(&paths);
        let name = format!("CIVIC_REALTIME_{}", path.replace('.', "_").to_uppercase());
        let layers = Layers::new().environment([(name, text)]);
        prop_assert!(is_sound(layers.and_then(Layers::load)));
    }

    /// What is written out is read back as the same, fractions of a second included.
    #[test]
    fn settings_survive_being_written(
        interval in 0.001..2_592_000.0f64,
        heartbeat in 1.0..500.0f64,
        grace in 0u64..2_592_000_000,
        port in any::<u16>(),
        prefix in 0u8..=128,
    ) {
        let given = json!({
            "port": port,
            "heartbeat": heartbeat,
            "snapshots": {"interval": interval},
            "rooms": {"grace_period_ms": grace},
            "trusted_proxies": [format!("2001:db8::/{prefix}")],
        });
        let config = Config::from_value(given).unwrap().config;
        let again = Config::from_value(serde_json::to_value(&config).unwrap()).unwrap();
        prop_assert_eq!(&again.config, &config);
        prop_assert!(again.warnings.is_empty());
        let as_yaml = serde_yaml::to_string(&config).unwrap();
        prop_assert_eq!(Config::from_yaml(&as_yaml, None).unwrap().config, config);
    }
}
