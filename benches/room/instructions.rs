//! Work whose instructions are counted by `__test__/instructions/run.mjs`: `instructions WORK`.
//!
//! Only what is done within [`counted`] is counted, so that making the work costs nothing.

mod workload;

use bytes::Bytes;
use civicpress_realtime::document::Document;

const READERS: u64 = 20;

/// The name is known to `valgrind`.
#[inline(never)]
fn counted(work: impl FnOnce()) {
    work();
}

/// One-character updates into an empty document.
fn typing() {
    let frames = workload::frames(&workload::keystrokes(10_000));
    let mut room = workload::room(Document::new(), READERS);
    counted(|| workload::receive_each(&mut room, &frames, READERS as usize));
}

/// Somebody writes, corrects and deletes.
fn editing() {
    let frames = workload::frames(&workload::editing_trace(1, 10_000));
    let mut room = workload::room(Document::new(), READERS);
    counted(|| workload::receive_each(&mut room, &frames, READERS as usize));
}

/// A document of 1 MB is loaded, and everybody comes.
fn joining_large() {
    let document = workload::document(1_000_000);
    counted(|| drop(workload::room(restored(&document), READERS)));
}

/// One-character updates into a document of 1 MB.
fn typing_in_large() {
    let document = workload::document(1_000_000);
    let frames = workload::frames(&workload::keystrokes_within(&document, 1_000));
    let mut room = workload::room(restored(&document), READERS);
    counted(|| workload::receive_each(&mut room, &frames, READERS as usize));
}

fn restored(document: &Bytes) -> Document {
    Document::restore(Some(document), &[]).unwrap_or_else(|error| unreachable!("our own: {error}"))
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("typing") => typing(),
        Some("editing") => editing(),
        Some("joining-large") => joining_large(),
        Some("typing-in-large") => typing_in_large(),
        _ => {
            eprintln!("usage: instructions typing|editing|joining-large|typing-in-large");
            std::process::exit(2);
        }
    }
}
