//! How long a room takes for an update, for a join, and for being loaded.
//!
//! `cargo bench --no-default-features --bench room`

mod workload;

use std::hint::black_box;

use bytes::Bytes;
use civicpress_realtime::document::Document;
use civicpress_realtime::document::xml::markdown_to_update;
use civicpress_realtime::protocol::deflate::{deflate, inflate};
use civicpress_realtime::protocol::sync::{self, ClientMessage};
use civicpress_realtime::protocol::update::check_update;
use civicpress_realtime::room::state::RoomState;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use yrs::updates::decoder::Decode;
use yrs::{Doc, Transact, Update};

const UPDATES: usize = 10_000;
const READERS: u64 = 20;
const LOGGED_UPDATES: usize = 100_000;
const TRACE_SEED: u64 = 1;
const SIZES: [(&str, usize); 2] = [("10 KB", 10_000), ("1 MB", 1_000_000)];

/// The steps of one update, and all of them; the time is that of 10,000.
fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10,000 updates");
    let updates = workload::keystrokes(UPDATES);
    let frames = workload::frames(&updates);
    group.throughput(Throughput::Elements(UPDATES as u64)).sample_size(20);
    group.bench_function("decode", |bench| {
        bench.iter(|| frames.iter().for_each(|frame| drop(black_box(ClientMessage::decode(frame)))));
    });
    group.bench_function("check", |bench| {
        bench.iter(|| updates.iter().for_each(|update| assert!(black_box(check_update(update)).is_ok())));
    });
    group.bench_function("apply", |bench| {
        bench.iter_batched_ref(
            Document::new,
            |document| apply_each(document, &updates),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("frame", |bench| {
        bench.iter(|| updates.iter().for_each(|update| drop(black_box(sync::update(update)))));
    });
    group.bench_function("all, 20 readers", |bench| {
        bench.iter_batched_ref(
            || workload::room(Document::new(), READERS),
            |room| workload::receive_each(room, &frames, READERS as usize),
            BatchSize::PerIteration,
        );
    });
    let document = workload::document(1_000_000);
    let within = workload::frames(&workload::keystrokes_within(&document, UPDATES));
    group.bench_function("all, 20 readers, in 1 MB", |bench| {
        bench.iter_batched_ref(
            || workload::room(Document::restore(Some(&document), &[]).unwrap_or_default(), READERS),
            |room| workload::receive_each(room, &within, READERS as usize),
            BatchSize::PerIteration,
        );
    });
}

fn apply_each(document: &mut Document, updates: &[Bytes]) {
    for update in updates {
        let _ = black_box(document.apply(std::slice::from_ref(update)));
    }
}

/// The first to join after a change, for whom the state is encoded, and those after, who share it.
fn joins(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("join");
    for (name, bytes) in SIZES {
        let document = workload::document(bytes);
        let key = workload::frames(&workload::keystrokes(1));
        group.throughput(Throughput::Bytes(document.len() as u64)).sample_size(20);
        let changed = || {
            let mut room = workload::room(Document::restore(Some(&document), &[]).unwrap_or_default(), 1);
            workload::receive_each(&mut room, &key, 1);
            room
        };
        let join = |room: &mut RoomState| workload::join(room, 1_000);
        group.bench_function(BenchmarkId::new("after a change", name), |bench| {
            bench.iter_batched_ref(changed, join, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("after another", name), |bench| {
            let mut room = changed();
            bench.iter(|| join(&mut room));
        });
    }
}

/// A log is read into a document, as when a room is loaded, beside yrs alone.
fn replays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay of 100,000 updates");
    group.throughput(Throughput::Elements(LOGGED_UPDATES as u64)).sample_size(10);
    let typing = workload::keystrokes(LOGGED_UPDATES);
    let trace = workload::editing_trace(TRACE_SEED, LOGGED_UPDATES);
    for (name, log) in [("typing", &typing), ("editing", &trace)] {
        group.bench_function(BenchmarkId::new("restore", name), |bench| {
            bench.iter_with_large_drop(|| Document::restore(None, log));
        });
        group.bench_function(BenchmarkId::new("yrs alone", name), |bench| {
            bench.iter_with_large_drop(|| yrs_alone(log));
        });
    }
}

fn yrs_alone(log: &[Bytes]) -> Doc {
    let doc = Doc::new();
    for update in log {
        if let Ok(update) = Update::decode_v1(update) {
            let _ = doc.transact_mut().apply_update(update);
        }
    }
    doc
}

/// What permessage-deflate takes for a whole document, where it is configured: once, whoever joins. Keystrokes are
/// below `DEFLATE_BYTES_MIN` and are not compressed.
fn compression(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compression");
    for (name, bytes) in SIZES {
        let document = document_of_words(bytes);
        let Some(packed) = deflate(&document) else { continue };
        println!("compression/{name}: {} bytes become {}", document.len(), packed.len());
        group.throughput(Throughput::Bytes(document.len() as u64)).sample_size(20);
        group.bench_function(BenchmarkId::new("deflate", name), |bench| {
            bench.iter(|| deflate(black_box(&document)))
        });
        group.bench_function(BenchmarkId::new("inflate", name), |bench| {
            bench.iter(|| inflate(black_box(&packed), document.len()));
        });
    }
}

/// A document of about so many bytes whose words come in no order, so that it cannot be packed better than prose can.
fn document_of_words(bytes: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(TRACE_SEED);
    let words: Vec<String> =
        (0..4_000).map(|_| (0..random.usize(2..10)).map(|_| random.lowercase()).collect()).collect();
    let mut text = String::new();
    while text.len() < bytes {
        // Some words are much more frequent than others.
        let word = &words[(random.f32().powi(3) * words.len() as f32) as usize];
        text += word;
        text += if random.u8(..12) == 0 { ".\n\n" } else { " " };
    }
    markdown_to_update(text.trim_end(), 1).unwrap_or_default()
}

criterion_group!(benches, updates, joins, replays, compression);
criterion_main!(benches);
