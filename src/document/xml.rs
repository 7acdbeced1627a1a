//! The editor's tree inside a Yjs document, as y-prosemirror reads and writes it
//! (<https://github.com/yjs/y-prosemirror/blob/master/src/plugins/sync-plugin.js>).
//!
//! | in the editor | in Yjs |
//! | --- | --- |
//! | a node | an `XmlElement` of the same name |
//! | its attributes, without those that are null | the element's attributes; a number stays a number |
//! | texts side by side | one `XmlText` |
//! | a mark | a formatting attribute; its value is an object with the mark's attributes, null ones as well |
//! | a mark that may be there twice | the same, named `name--` and eight characters of a hash |

mod direct;
mod foreign;
mod open;
mod read;
mod seed;
pub(crate) mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use yrs::updates::decoder::Decode;
use yrs::{Doc, OffsetKind, Options, ReadTxn, Transact, TransactionMut, Update, WriteTxn, XmlFragmentRef};

use super::FRAGMENT;
use crate::error::{Code, RealtimeError, Result};
use crate::markdown;
use crate::protocol::update::check_update;

pub use foreign::{Foreign, ForeignKind};
pub use open::{read_any, update_to_tree};
pub(crate) use read::{Assembly, Reader, Rules, children};
pub use read::{Reading, read, read_fragment};
pub use seed::document_to_update;
pub use write::{insert_nodes, write_fragment};

/// A new document with this Markdown in it, as one update.
///
/// The same text and client give the same bytes, so a record that two servers seed independently is
/// seeded once. What the editor's schema has no node for is not in it: see [`markdown::parse`].
pub fn markdown_to_update(markdown: &str, client: u64) -> Result<Bytes> {
    document_to_update(&markdown::parse(markdown).doc, client)
}

/// The Markdown of the document that this update is all of.
///
/// Fails with [`Code::InvalidYjsUpdate`] if the bytes are not an update, or one that builds on changes
/// which are not in it.
pub fn update_to_markdown(update: &[u8]) -> Result<String> {
    if let Some(doc) = direct::read_update(update) {
        return Ok(markdown::serialize(&doc));
    }
    with_document(update, |txn, fragment| markdown::serialize(&read_fragment(txn, fragment)))
}

/// Reads from the document that this update is all of.
pub(crate) fn with_document<T>(
    update: &[u8],
    read: impl FnOnce(&TransactionMut<'_>, &XmlFragmentRef) -> T,
) -> Result<T> {
    check_update(update).map_err(|error| invalid(&error.to_string()))?;
    let reading = || {
        let update = Update::decode_v1(update).map_err(|error| invalid(&error.to_string()))?;
        let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
        let mut txn = doc.transact_mut();
        txn.apply_update(update).map_err(|error| invalid(&error.to_string()))?;
        if txn.has_missing_updates() {
            return Err(invalid("builds on changes that it does not have"));
        }
        let fragment = txn.get_or_insert_xml_fragment(FRAGMENT);
        Ok(read(&txn, &fragment))
    };
    // Whatever yrs does with bytes that are well-formed and still make no sense, it is an error here.
    catch_unwind(AssertUnwindSafe(reading)).unwrap_or_else(|_| Err(invalid("cannot be integrated")))
}

pub(crate) fn invalid(why: &str) -> RealtimeError {
    RealtimeError::new(Code::InvalidYjsUpdate, format!("the update {why}"))
}

#[cfg(test)]
mod tests;
