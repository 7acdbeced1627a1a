//! How long a record takes to be read, written, made an update and merged.
//!
//! `cargo bench --no-default-features --bench markdown`

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::Bytes;
use civicpress_realtime::document::Document;
use civicpress_realtime::document::xml::{markdown_to_update, update_to_markdown};
use civicpress_realtime::markdown::{check_lossless, parse, serialize};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SIZES: [(&str, usize); 3] = [("10 KB", 10_000), ("100 KB", 100_000), ("1 MB", 1_000_000)];
const CLIENT: u64 = 1;

/// A by-law of at least so many bytes, with what records have in it.
fn record(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 2_000);
    let mut article = 0;
    while text.len() < bytes {
        article += 1;
        let _ = write!(
            text,
            "## Article {article}: Heures de silence\n\n\
             Entre 22h00 et 07h00, tous les résidents doivent **maintenir le calme** et s'abstenir d'activités \
             qui pourraient *troubler la paix*, selon l'[annexe {article}](https://ville.example/annexes/{article}).\n\n\
             * Services d'urgence\n\n* Travaux de maintenance `municipale`\n\n  1. avec permis\n\n  2. sans permis\n\n\
             | Infraction | Amende |\n| :-- | --: |\n| Première | {article} $ |\n| Récidive | 500 $ |\n\n\
             > Voir <!--civic-ref type=\"record\" id=\"record-{article}\" label=\"Budget\"-->.\n\n"
        );
    }
    text.trim_end().to_owned()
}

fn conversions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("markdown");
    for (name, bytes) in SIZES {
        let text = record(bytes);
        let doc = parse(&text).doc;
        let Ok(update) = markdown_to_update(&text, CLIENT) else { return };
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
        group.bench_function(BenchmarkId::new("parse", name), |bench| bench.iter(|| parse(black_box(&text))));
        group.bench_function(BenchmarkId::new("serialize", name), |bench| {
            bench.iter(|| serialize(black_box(&doc)))
        });
        group.bench_function(BenchmarkId::new("check_lossless", name), |bench| {
            let parsed = parse(&text);
            bench.iter(|| check_lossless(black_box(&text), &parsed));
        });
        group.bench_function(BenchmarkId::new("markdown_to_update", name), |bench| {
            bench.iter(|| markdown_to_update(black_box(&text), CLIENT));
        });
        group.bench_function(BenchmarkId::new("update_to_markdown", name), |bench| {
            bench.iter(|| update_to_markdown(black_box(&update)));
        });
    }
}

/// A record of which one word changed, and one of which every block did.
fn merges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge_external");
    for (name, bytes) in SIZES {
        let old = record(bytes);
        let Ok(update) = markdown_to_update(&old, CLIENT) else { return };
        let word = old.replacen("résidents", "citoyens", 1);
        let every = old.replace(" de ", " du ").replace("$", "€").replace("Voir", "Lire");
        group.throughput(Throughput::Bytes(old.len() as u64)).sample_size(10);
        for (change, new) in [("a word", word), ("every block", every)] {
            let document = || {
                let mut document = Document::new();
                let _ = document.apply(&[Bytes::clone(&update)]);
                document
            };
            group.bench_function(BenchmarkId::new(change, name), |bench| {
                bench.iter_batched_ref(
                    document,
                    |document| document.merge_external(&old, &new),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group!(benches, conversions, merges);
criterion_main!(benches);
