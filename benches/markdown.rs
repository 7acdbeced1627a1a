//! How long a record takes to be read, written, loaded, drafted and merged.
//!
//! `cargo bench --no-default-features --bench markdown`

use std::fmt::Write as _;
use std::hint::black_box;
use std::thread;

use bytes::Bytes;
use civicpress_realtime::document::Document;
use civicpress_realtime::document::xml::{document_to_update, markdown_to_update, update_to_markdown};
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

/// What happens from a record's text to the document that its room opens with, in the order and on as many
/// threads as a room does it.
fn load(text: &str) -> (bool, Option<Document>) {
    let parsed = parse(text);
    let Ok(update) = document_to_update(&parsed.doc, CLIENT) else { return (false, None) };
    thread::scope(|scope| {
        let lost = scope.spawn(move || check_lossless(text, &parsed));
        let document = Document::seeded(&update).ok();
        (lost.join().is_ok_and(|lost| lost.is_empty()), document)
    })
}

fn loads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    for (name, bytes) in SIZES {
        let text = record(bytes);
        // As somebody else writes it: it has to be read a second time to see that nothing is lost.
        let foreign = text.replace("* ", "- ");
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
        for (spelling, text) in [("our spelling", &text), ("another spelling", &foreign)] {
            group.bench_function(BenchmarkId::new(spelling, name), |bench| {
                bench.iter_with_large_drop(|| load(black_box(text)));
            });
        }
    }
}

/// A draft after one word was written: of a document whose blocks were rendered before, and of one that was not.
fn drafts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draft");
    for (name, bytes) in SIZES {
        let text = record(bytes);
        let Ok(update) = markdown_to_update(&text, CLIENT) else { return };
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
        let new = text.replacen("résidents", "citoyens", 1);
        for (what, is_rendered) in [("one block", true), ("all blocks", false)] {
            let document = || {
                let mut document = Document::restore(None, &[Bytes::clone(&update)]).ok()?;
                let before = document.markdown().ok();
                let _ = document.merge_external(&text, &new);
                if is_rendered {
                    return before.map(|_| document);
                }
                let state = document.state().ok()?;
                Document::restore(Some(&state), &[]).ok()
            };
            group.bench_function(BenchmarkId::new(what, name), |bench| {
                bench.iter_batched_ref(
                    document,
                    |document| Some(document.as_mut()?.draft().ok()?.render()),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

/// A record of which one word changed, and one of which every block did. "At once" is before its first draft, when
/// nothing of it was rendered yet.
fn merges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge_external");
    for (name, bytes) in SIZES {
        let old = record(bytes);
        let Ok(update) = markdown_to_update(&old, CLIENT) else { return };
        let word = old.replacen("résidents", "citoyens", 1);
        let every = old.replace(" de ", " du ").replace("$", "€").replace("Voir", "Lire");
        group.throughput(Throughput::Bytes(old.len() as u64)).sample_size(10);
        let changes =
            [("a word", &word, true), ("a word at once", &word, false), ("every block", &every, true)];
        for (change, new, is_rendered) in changes {
            let document = || {
                let mut document = Document::new();
                let _ = document.apply(&[Bytes::clone(&update)]);
                if is_rendered {
                    let _ = document.markdown();
                }
                document
            };
            group.bench_function(BenchmarkId::new(change, name), |bench| {
                bench.iter_batched_ref(
                    document,
                    |document| document.merge_external(&old, new),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group!(benches, conversions, loads, drafts, merges);
criterion_main!(benches);
