//! What every backend makes of snapshots and updates that are damaged, or of another release.

use bytes::Bytes;

use super::{Disk, room, snapshot, snapshot_text, texts, update};
use crate::ids::RoomId;
use crate::store::snapshot::Header;
use crate::store::{DamagedUpdates, NewSnapshot, Rejection, SNAPSHOT_FORMAT_PLAIN, SNAPSHOT_FORMAT_ZSTD};

pub(in crate::store) fn a_damaged_snapshot_is_skipped<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.save_snapshot(&snapshot(&x, 1, 0, "one")).unwrap();
    backend.save_snapshot(&snapshot(&x, 2, 0, "two")).unwrap();
    disk.damage_newest_snapshot(&x);
    let stored = backend.load(&x).unwrap();
    assert_eq!(snapshot_text(&stored), Some(&b"one"[..]));
    assert_eq!((stored.last_version, stored.rejected.len(), stored.rejected[0].version), (2, 1, 2));
    assert!(matches!(stored.rejected[0].reason, Rejection::Unreadable(_)));
    // The next one takes a new number, and is the one that counts.
    backend.save_snapshot(&snapshot(&x, 3, 0, "three")).unwrap();
    let stored = backend.load(&x).unwrap();
    assert_eq!((snapshot_text(&stored), stored.rejected.len()), (Some(&b"three"[..]), 0));
}

pub(in crate::store) fn a_damaged_update_is_left_out_and_told_of<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend
        .commit(&[update(&x, 1, "aaaa"), update(&x, 2, "bbbb"), update(&x, 3, "cccc"), update(&x, 4, "dddd")])
        .unwrap();
    disk.damage_update(&x, 2);
    disk.damage_update(&x, 3);
    let stored = backend.load(&x).unwrap();
    assert_eq!((texts(&stored), stored.last_seq), (vec!["aaaa", "dddd"], 4));
    assert_eq!(stored.damaged, Some(DamagedUpdates { first_seq: 2, count: 2, at_start: false }));
    disk.damage_update(&x, 1);
    assert!(backend.load(&x).unwrap().damaged.unwrap().at_start);
    // A snapshot of what is left ends it.
    backend.save_snapshot(&snapshot(&x, 1, 4, "aaaadddd")).unwrap();
    assert_eq!(backend.load(&x).unwrap().damaged, None);
}

/// The header of a snapshot of 4,000 bytes, and what is stored of it.
fn large(room: &RoomId, version: u64) -> (Header, Bytes) {
    Header::pack(&snapshot(room, version, 0, &"text".repeat(1_000))).unwrap()
}

pub(in crate::store) fn snapshots_are_compressed<D: Disk>() {
    let x = room("x");
    let (header, stored) = large(&x, 1);
    assert_eq!((header.format_version, header.byte_size), (SNAPSHOT_FORMAT_ZSTD, 4_000));
    assert!(stored.len() < 100, "{}", stored.len());
    let disk = D::new();
    let mut backend = disk.open();
    let saved = backend.save_snapshot(&snapshot(&x, 1, 0, &"text".repeat(1_000))).unwrap();
    assert_eq!(saved.byte_size, 4_000);
    assert_eq!(snapshot_text(&backend.load(&x).unwrap()), Some("text".repeat(1_000).as_bytes()));
}

pub(in crate::store) fn a_snapshot_of_an_earlier_release_is_read<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    let (header, _) = large(&x, 1);
    let plain = "text".repeat(1_000);
    disk.put_snapshot(&x, &Header { format_version: SNAPSHOT_FORMAT_PLAIN, ..header }, plain.as_bytes());
    let stored = backend.load(&x).unwrap();
    assert_eq!((snapshot_text(&stored), stored.rejected.len()), (Some(plain.as_bytes()), 0));
    // And so it stays while there are newer ones.
    backend.save_snapshot(&snapshot(&x, 2, 0, "two")).unwrap();
    disk.damage_newest_snapshot(&x);
    assert_eq!(snapshot_text(&backend.load(&x).unwrap()), Some(plain.as_bytes()));
}

pub(in crate::store) fn a_snapshot_of_a_newer_format_is_skipped_and_kept<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.save_snapshot(&snapshot(&x, 1, 0, "old")).unwrap();
    let (header, stored) = large(&x, 7);
    let newer = SNAPSHOT_FORMAT_ZSTD + 1;
    disk.put_snapshot(&x, &Header { format_version: newer, ..header }, &stored);
    let expected = Rejection::NewerFormat(newer);
    let stored = backend.load(&x).unwrap();
    assert_eq!(snapshot_text(&stored), Some(&b"old"[..]));
    assert_eq!((stored.rejected[0].version, &stored.rejected[0].reason), (7, &expected));
    assert_eq!(stored.last_version, 7, "the next one must not be hidden behind it");
    // However many come after it, it is there for the release that can read it.
    for version in 8..=12 {
        let saved = backend.save_snapshot(&snapshot(&x, version, 0, "new")).unwrap();
        assert!(!saved.pruned.contains(&7));
    }
    for version in 10..=12 {
        assert_eq!(backend.load(&x).unwrap().snapshot.unwrap().version, 22 - version);
        let (header, _) = large(&x, 22 - version);
        disk.put_snapshot(&x, &header, b"damaged");
    }
    let stored = backend.load(&x).unwrap();
    assert_eq!((stored.rejected.last().unwrap().version, stored.snapshot), (7, None));
}

pub(in crate::store) fn a_snapshot_that_claims_too_much_is_skipped<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.save_snapshot(&snapshot(&x, 1, 0, "old")).unwrap();
    let (header, _) = large(&x, 2);
    let bomb =
        Header::pack(&NewSnapshot { data: vec![0; 64 << 20].into(), ..snapshot(&x, 2, 0, "") }).unwrap().1;
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    disk.put_snapshot(&x, &header, &bomb);
    let stored = backend.load(&x).unwrap();
    assert_eq!(snapshot_text(&stored), Some(&b"old"[..]));
    let Rejection::Unreadable(reason) = &stored.rejected[0].reason else { panic!("{stored:?}") };
    assert!(reason.contains("4000 bytes"), "{reason}");
    // What is said of the size may be as false as the rest.
    disk.put_snapshot(
        &x,
        &Header { byte_size: u64::MAX, ..header },
        b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\x7f",
    );
    assert_eq!(snapshot_text(&backend.load(&x).unwrap()), Some(&b"old"[..]));
}

pub(in crate::store) fn a_snapshot_that_is_cut_short_or_another_is_skipped<D: Disk>() {
    let x = room("x");
    let disk = D::new();
    let mut backend = disk.open();
    backend.save_snapshot(&snapshot(&x, 1, 0, "old")).unwrap();
    let (header, whole) = large(&x, 2);
    let mut flipped = whole.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let another = Header::pack(&snapshot(&x, 2, 0, "another")).unwrap().1;
    for bad in [&whole[..0], &whole[..1], &whole[..whole.len() - 1], &flipped, &another] {
        disk.put_snapshot(&x, &header, bad);
        let stored = backend.load(&x).unwrap();
        assert_eq!((snapshot_text(&stored), stored.rejected.len()), (Some(&b"old"[..]), 1));
    }
    assert!(matches!(backend.load(&x).unwrap().rejected[0].reason, Rejection::HashMismatch { .. }));
    disk.put_snapshot(&x, &header, &whole);
    assert_eq!(backend.load(&x).unwrap().snapshot.unwrap().version, 2);
}
