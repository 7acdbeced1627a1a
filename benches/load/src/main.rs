//! `load SCENARIO --address 127.0.0.1:3001 --path /realtime/records/{room} --pid 4711 [--dialect hocuspocus]
//! [--rooms 1] [--clients 20] [--writers 2] [--in-flight 64] [--rate 10] [--update-bytes 0] [--document-bytes 0]
//! [--warm-up 1] [--seconds 5] [--keeps-documents true]`
//!
//! Prints one object of JSON: the figures by name.

use std::collections::HashMap;
use std::time::Duration;

use civicpress_realtime_load::client::Server;
use civicpress_realtime_load::process;
use civicpress_realtime_load::run::Setting;
use civicpress_realtime_load::scenario::ALL;
use civicpress_realtime_load::wire::Dialect;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some((_, scenario)) = ALL.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        eprintln!("no scenario {name:?}; known: {}", known.join(", "));
        std::process::exit(2);
    };
    let mut options = HashMap::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        options.insert(name.trim_start_matches("--").to_owned(), value);
    }
    process::raise_file_limit();
    let text = |name: &str, default: &str| options.get(name).map_or(default, String::as_str).to_owned();
    let number = |name: &str, default: f64| -> f64 {
        options
            .get(name)
            .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("--{name}: a number")))
    };
    let setting = Setting {
        server: Server {
            address: text("address", "127.0.0.1:3001").parse().expect("--address: IP:PORT"),
            path: text("path", "/realtime/records/{room}"),
            dialect: if text("dialect", "yjs") == "hocuspocus" { Dialect::Hocuspocus } else { Dialect::Yjs },
        },
        pid: number("pid", 0.0) as u32,
        rooms: number("rooms", 1.0) as usize,
        clients: number("clients", 20.0) as usize,
        writers: number("writers", 2.0) as usize,
        in_flight: number("in-flight", 64.0) as u64,
        rate: number("rate", 10.0),
        update_bytes: number("update-bytes", 0.0) as usize,
        document_bytes: number("document-bytes", 0.0) as usize,
        keeps_documents: text("keeps-documents", "true") == "true",
        warm_up: Duration::from_secs_f64(number("warm-up", 1.0)),
        duration: Duration::from_secs_f64(number("seconds", 5.0)),
    };
    println!("{}", serde_json::to_string(&scenario(setting)).expect("figures"));
}
