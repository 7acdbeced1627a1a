//! The structural check that every update and state vector passes before yrs sees it.
//!
//! yrs reserves memory by counts read from the wire, so nine bytes can cost hundreds of megabytes.
//! This walk reads an update (version 1, the format of
//! <https://github.com/yjs/yjs/blob/main/src/utils/UpdateDecoder.js>) once, keeping no more than which clients came, and
//! makes sure that every count, length and tag can be true of the bytes that are there.

use super::wire::{Reader, WireError};

/// The deepest nesting of arrays and objects inside a value.
pub const VALUE_DEPTH_MAX: usize = 64;

/// Client ids are JavaScript's safe integers.
pub(crate) const CLIENT_ID_MAX: u64 = (1 << 53) - 1;

/// What an update claims to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Structs (items, tombstones) in it; gaps are not counted.
    pub structs: u64,
    /// Ranges in its delete set.
    pub deletions: u64,
    /// The structs, if all of them are one client's and follow on one another: so it is with what an
    /// editor sends for each key.
    pub only_run: Option<Run>,
    /// How many of them are shared types.
    pub types: u64,
    /// How many of them are marks.
    pub marks: u64,
}

/// Structs of one client that follow on one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The Yjs client.
    pub client: u64,
    /// The clock of the first.
    pub start: u32,
    /// The clock after the last.
    pub end: u32,
}

impl Shape {
    /// Whether applying it could change anything at all.
    pub const fn is_empty(&self) -> bool {
        self.structs == 0 && self.deletions == 0
    }
}

/// Walks an update and says what it holds, or why it cannot be one.
pub fn check_update(update: &[u8]) -> Result<Shape, WireError> {
    check_update_of(update, |_| ())
}

/// The same, and names the clients whose structs are in it.
pub fn check_update_of(update: &[u8], mut each: impl FnMut(u64)) -> Result<Shape, WireError> {
    let mut reader = Reader::new(update);
    let mut shape = Shape::default();
    let clients = reader.count()?;
    let mut seen = Seen::default();
    for _ in 0..clients {
        let (client, run) = check_client_structs(&mut reader, &mut shape)?;
        shape.only_run = run.filter(|_| clients == 1);
        seen.add(client);
        each(client);
    }
    seen.none_twice()?;
    let mut seen = Seen::default();
    for _ in 0..reader.count()? {
        seen.add(client_id(&mut reader)?);
        let ranges = reader.count()?;
        for _ in 0..ranges {
            let clock = reader.var_u32()?;
            let len = reader.var_u32()?;
            clock.checked_add(len).ok_or(WireError::OutOfRange)?;
        }
        shape.deletions += ranges;
    }
    seen.none_twice()?;
    if reader.left() > 0 {
        return Err(WireError::UnknownTag(u64::from(reader.byte()?)));
    }
    Ok(shape)
}

/// The clients of which an update says something. One that comes twice is read in two ways: of its structs Yjs
/// takes the last lot and yrs all, of its deletions yrs takes the last lot and Yjs all.
#[derive(Default)]
struct Seen {
    last: Option<u64>,
    /// Those before the last. An editor's update has one client, and then nothing is kept.
    before: Vec<u64>,
}

impl Seen {
    fn add(&mut self, client: u64) {
        self.before.extend(self.last.replace(client));
    }

    fn none_twice(mut self) -> Result<(), WireError> {
        if self.before.is_empty() {
            return Ok(());
        }
        self.before.extend(self.last);
        self.before.sort_unstable();
        let is_twice = self.before.windows(2).any(|pair| pair[0] == pair[1]);
        if is_twice { Err(WireError::Twice) } else { Ok(()) }
    }
}

/// Walks a state vector, and says of each client how much of it is there.
pub fn read_state_vector(state_vector: &[u8], mut each: impl FnMut(u64, u32)) -> Result<(), WireError> {
    let mut reader = Reader::new(state_vector);
    for _ in 0..reader.count()? {
        each(client_id(&mut reader)?, reader.var_u32()?);
    }
    Ok(())
}

pub(super) fn client_id(reader: &mut Reader<'_>) -> Result<u64, WireError> {
    let client = reader.var_u64()?;
    if client > CLIENT_ID_MAX { Err(WireError::OutOfRange) } else { Ok(client) }
}

/// One client's structs: whose they are, and what they are if there is no gap among them. Gaps are walked but
/// not counted.
fn check_client_structs(reader: &mut Reader<'_>, shape: &mut Shape) -> Result<(u64, Option<Run>), WireError> {
    let count = reader.count()?;
    if count == 0 {
        // Nobody writes that, and yrs passes over clients without structs by a call for each of them.
        return Err(WireError::OutOfRange);
    }
    let client = client_id(reader)?;
    let start = reader.var_u32()?;
    let (mut end, mut structs) = (start, 0);
    for _ in 0..count {
        let info = reader.byte()?;
        let len = match info {
            content::SKIP => reader.var_u32()?,
            _ => {
                structs += 1;
                shape.types += u64::from(info & CONTENT == content::TYPE);
                shape.marks += u64::from(info & CONTENT == content::FORMAT);
                if info == content::GC { reader.var_u32()? } else { check_item(reader, info, (client, end))? }
            }
        };
        end = end.checked_add(len).ok_or(WireError::OutOfRange)?;
    }
    shape.structs += structs;
    let is_run = structs == count;
    Ok((client, is_run.then_some(Run { client, start, end })))
}

/// An item, and what tells where it stands.
pub(super) struct Item {
    pub(super) client: u64,
    pub(super) clock: u32,
    pub(super) len: u32,
    pub(super) is_type: bool,
    /// One, or two where both neighbours are named.
    pub(super) parents: [Parent; 2],
}

/// What an item says of the type that it stands in.
#[derive(Clone, Copy)]
pub(super) enum Parent {
    /// It is at the top of the document; or nothing is said.
    Elsewhere,
    /// It is the struct with this client and clock.
    Of((u64, u32)),
    /// It is the one in which this struct stands.
    Beside((u64, u32)),
}

/// The items of an update that was checked.
pub(super) fn items(update: &[u8]) -> Result<Vec<Item>, WireError> {
    let mut reader = Reader::new(update);
    let mut items = Vec::new();
    for _ in 0..reader.count()? {
        let count = reader.count()?;
        let client = client_id(&mut reader)?;
        let mut clock = reader.var_u32()?;
        for _ in 0..count {
            let info = reader.byte()?;
            if matches!(info, content::SKIP | content::GC) {
                clock = clock.checked_add(reader.var_u32()?).ok_or(WireError::OutOfRange)?;
                continue;
            }
            let parents = parents(&mut reader, info)?;
            let tag = info & CONTENT;
            let len = check_content(&mut reader, tag)?;
            items.push(Item { client, clock, len, is_type: tag == content::TYPE, parents });
            clock = clock.checked_add(len).ok_or(WireError::OutOfRange)?;
        }
    }
    Ok(items)
}

/// The tags of what an item holds, in the low five bits of its info byte:
/// <https://github.com/yjs/yjs/blob/main/src/structs/Item.js> (`contentRefs`).
pub(crate) mod content {
    pub(crate) const GC: u8 = 0;
    pub(crate) const DELETED: u8 = 1;
    pub(crate) const JSON: u8 = 2;
    pub(crate) const BINARY: u8 = 3;
    pub(crate) const STRING: u8 = 4;
    pub(crate) const EMBED: u8 = 5;
    pub(crate) const FORMAT: u8 = 6;
    pub(crate) const TYPE: u8 = 7;
    pub(crate) const ANY: u8 = 8;
    pub(crate) const DOC: u8 = 9;
    pub(crate) const SKIP: u8 = 10;
}

pub(crate) const HAS_ORIGIN: u8 = 0x80;
pub(crate) const HAS_RIGHT_ORIGIN: u8 = 0x40;
pub(crate) const HAS_PARENT_SUB: u8 = 0x20;

/// The tags of shared types: array, map, text, XML element, fragment and text. An XML hook (5) is none of
/// them: Yjs writes a name behind it and yrs neither reads nor writes one, so that what yrs makes of an
/// update with a hook could never be read again.
const TYPE_TAGS: [u64; 6] = [0, 1, 2, XML_ELEMENT, 4, XML_TEXT];
/// The one that has a name.
pub(crate) const XML_ELEMENT: u64 = 3;
pub(crate) const XML_TEXT: u64 = 6;

/// The part of an info byte that says what the item holds.
pub(crate) const CONTENT: u8 = 0x1f;

/// Walks one item, which has this client and clock, and gives the clock ticks it takes.
///
/// Nobody can refer to what they make later; Yjs relies on it, and throws where it is not so.
pub(super) fn check_item(
    reader: &mut Reader<'_>,
    info: u8,
    (client, clock): (u64, u32),
) -> Result<u32, WireError> {
    for parent in parents(reader, info)? {
        if let Parent::Of(other) | Parent::Beside(other) = parent
            && other.0 == client
            && other.1 >= clock
        {
            return Err(WireError::OutOfRange);
        }
    }
    // Two would share a clock; Yjs and yrs differ in what becomes of it.
    match check_content(reader, info & CONTENT)? {
        0 => Err(WireError::OutOfRange),
        len => Ok(len),
    }
}

/// Walks what stands before an item's content: where it belongs.
pub(super) fn parents(reader: &mut Reader<'_>, info: u8) -> Result<[Parent; 2], WireError> {
    let mut parents = [Parent::Elsewhere; 2];
    for (parent, flag) in parents.iter_mut().zip([HAS_ORIGIN, HAS_RIGHT_ORIGIN]) {
        if info & flag != 0 {
            *parent = Parent::Beside(id(reader)?);
        }
    }
    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 {
        match reader.var_u64()? {
            1 => drop(reader.text_len()?),
            _ => parents[0] = Parent::Of(id(reader)?),
        }
        if info & HAS_PARENT_SUB != 0 {
            reader.text_len()?;
        }
    }
    Ok(parents)
}

fn id(reader: &mut Reader<'_>) -> Result<(u64, u32), WireError> {
    Ok((client_id(reader)?, reader.var_u32()?))
}

pub(super) fn check_content(reader: &mut Reader<'_>, tag: u8) -> Result<u32, WireError> {
    match tag {
        content::DELETED => return reader.var_u32(),
        // Of these yrs reads one text more than there are: what comes after would be read as something else
        // than was checked, and what it writes of one could never be read again. Editors write `ANY` instead.
        content::JSON => return Err(WireError::UnknownTag(u64::from(tag))),
        content::ANY => {
            let count = reader.count()?;
            for _ in 0..count {
                check_value(reader, 0)?;
            }
            return u32::try_from(count).map_err(|_| WireError::OutOfRange);
        }
        content::STRING => {
            return u32::try_from(reader.text_len()?).map_err(|_| WireError::OutOfRange);
        }
        content::BINARY => drop(reader.bytes()?),
        content::EMBED => drop(reader.text_len()?),
        content::FORMAT => {
            reader.text_len()?;
            reader.text_len()?;
        }
        content::TYPE => {
            let type_tag = reader.var_u64()?;
            if !TYPE_TAGS.contains(&type_tag) {
                return Err(WireError::UnknownTag(type_tag));
            }
            if type_tag == XML_ELEMENT {
                reader.text_len()?;
            }
        }
        content::DOC => return Err(WireError::Subdocument),
        other => return Err(WireError::UnknownTag(u64::from(other))),
    }
    Ok(1)
}

/// The tags of lib0's `any` values: <https://github.com/dmonad/lib0/blob/main/encoding.js> (`writeAny`).
pub(crate) mod any_tag {
    pub(crate) const BYTES: u8 = 116;
    pub(crate) const ARRAY: u8 = 117;
    pub(crate) const OBJECT: u8 = 118;
    pub(crate) const STRING: u8 = 119;
    pub(crate) const TRUE: u8 = 120;
    pub(crate) const FALSE: u8 = 121;
    pub(crate) const BIG_INT: u8 = 122;
    pub(crate) const FLOAT64: u8 = 123;
    pub(crate) const FLOAT32: u8 = 124;
    pub(crate) const INTEGER: u8 = 125;
    pub(crate) const NULL: u8 = 126;
    pub(crate) const UNDEFINED: u8 = 127;
}

/// Walks one `any` value.
fn check_value(reader: &mut Reader<'_>, depth: usize) -> Result<(), WireError> {
    if depth > VALUE_DEPTH_MAX {
        return Err(WireError::TooDeep);
    }
    match reader.byte()? {
        any_tag::UNDEFINED | any_tag::NULL | any_tag::FALSE | any_tag::TRUE => {}
        // The sign takes the seventh bit of the first byte.
        any_tag::INTEGER => while reader.byte()? & 0x80 != 0 {},
        any_tag::FLOAT32 => drop(reader.take(4)?),
        any_tag::FLOAT64 | any_tag::BIG_INT => drop(reader.take(8)?),
        any_tag::STRING => drop(reader.text_len()?),
        any_tag::OBJECT => {
            for _ in 0..reader.count()? {
                reader.text_len()?;
                check_value(reader, depth + 1)?;
            }
        }
        any_tag::ARRAY => {
            for _ in 0..reader.count()? {
                check_value(reader, depth + 1)?;
            }
        }
        any_tag::BYTES => drop(reader.bytes()?),
        other => return Err(WireError::UnknownTag(u64::from(other))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yrs::updates::decoder::Decode;
    use yrs::{
        Doc, GetString, Map, MapPrelim, ReadTxn, StateVector, Text, Transact, Update, WriteTxn, XmlFragment,
    };

    use super::*;

    fn sample(edit: impl FnOnce(&mut yrs::TransactionMut)) -> Vec<u8> {
        let doc = Doc::new();
        let mut txn = doc.transact_mut();
        edit(&mut txn);
        txn.encode_diff_v1(&StateVector::default())
    }

    #[test]
    fn real_updates_pass() {
        let text = sample(|txn| {
            let text = txn.get_or_insert_text("t");
            text.insert(txn, 0, "héllo 🏛");
            text.remove_range(txn, 1, 2);
        });
        let shape = check_update(&text).unwrap();
        assert!(shape.structs >= 2 && shape.deletions == 1, "{shape:?}");

        let map = sample(|txn| {
            let map = txn.get_or_insert_map("m");
            map.insert(
                txn,
                "a",
                yrs::Any::from_json(r#"{"b":[1,-2.5,null,true,"x",{"c":9007199254740991}]}"#).unwrap(),
            );
            map.insert(txn, "n", MapPrelim::from([("k", 1)]));
        });
        check_update(&map).unwrap();

        let xml = sample(|txn| {
            let fragment = txn.get_or_insert_xml_fragment("default");
            fragment.push_back(txn, yrs::XmlElementPrelim::empty("paragraph"));
        });
        let client = Reader::new(&xml[2..]).var_u64().unwrap();
        let only_run = Some(Run { client, start: 0, end: 1 });
        assert_eq!(
            check_update(&xml).unwrap(),
            Shape { structs: 1, deletions: 0, only_run, types: 1, marks: 0 }
        );
        assert!(check_update(&[0, 0]).unwrap().is_empty());
    }

    #[test]
    fn counts_that_the_bytes_cannot_hold_are_refused() {
        for hostile in
            [&[0xff, 0xff, 0xff, 0x7a][..], &[0xbb, 0xfa, 0xec, 0x60, 0x17, 0x3d, 0xfa, 0x49, 0x78][..]]
        {
            assert!(check_update(hostile).is_err());
            assert!(read_state_vector(hostile, |_, _| ()).is_err());
        }
    }

    #[test]
    fn what_nobody_writes_and_libraries_make_different_things_of_is_refused() {
        let named = [1, 1, b'm'];
        let item = |head: &[u8], content: &[u8]| [&[1, 1, 9, 5][..], head, content, &[0]].concat();
        let check = |update: Vec<u8>| check_update(&update).map(|shape| shape.structs);
        assert_eq!(check(item(&[&[4][..], &named].concat(), &[1, b'x'])), Ok(1));
        for (content, nothing) in [(4, &[0][..]), (8, &[0]), (1, &[0])] {
            let empty = item(&[&[content][..], &named].concat(), nothing);
            assert_eq!(check(empty), Err(WireError::OutOfRange), "of no length: {content}");
        }
        // Client 9 at clock 5: what it made before, and what it has yet to make.
        for (clock, outcome) in
            [(4, Ok(1)), (5, Err(WireError::OutOfRange)), (77, Err(WireError::OutOfRange))]
        {
            for head in [&[0x84, 9, clock][..], &[0x44, 9, clock], &[4, 0, 9, clock]] {
                assert_eq!(check(item(head, &[1, b'x'])), outcome, "{head:?}");
            }
        }
        let hook = item(&[&[7][..], &named].concat(), &[5, 1, b'p']);
        assert_eq!(check(hook), Err(WireError::UnknownTag(5)));
        let subdocument = item(&[&[9][..], &named].concat(), &[1, b'g', 118, 0]);
        assert_eq!(check(subdocument), Err(WireError::Subdocument));
    }

    #[test]
    fn values_nested_without_end_are_refused() {
        let mut update = vec![1, 1, 1, 0, 8, 1, 1, b'm', 1];
        update.extend(std::iter::repeat_n([117, 1], 10_000).flatten());
        update.push(126);
        update.push(0);
        assert_eq!(check_update(&update), Err(WireError::TooDeep));
    }

    proptest! {
        /// Whatever passes the check, yrs decodes without a large allocation or a panic.
        #[test]
        fn mutated_updates_are_refused_or_decode(
            at in 0usize..200, byte in any::<u8>(), cut in 0usize..200, words in "[a-zà-ü🏛]{0,20}",
        ) {
            let mut update = sample(|txn| {
                let text = txn.get_or_insert_text("t");
                text.insert(txn, 0, &words);
                let _ = text.get_string(txn);
            });
            let at = at % update.len();
            update[at] = byte;
            update.truncate(update.len() - cut % update.len() / 4);
            if check_update(&update).is_ok() {
                let _ = Update::decode_v1(&update);
            }
        }
    }
}
