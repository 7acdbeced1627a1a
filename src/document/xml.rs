//! STUB
use crate::error::{Code, RealtimeError, Result};
use crate::markdown::{self, Node};
use bytes::Bytes;
use yrs::updates::decoder::Decode;
use yrs::{
    Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Transact, Update, WriteTxn, XmlElementPrelim,
    XmlFragment, XmlOut, XmlTextPrelim,
};
pub fn document_to_update(doc: &Node, client: u64) -> Result<Bytes> {
    let ydoc = Doc::with_options(Options {
        offset_kind: OffsetKind::Utf16,
        ..Options::with_client_id(yrs::ClientID::new(client))
    });
    let mut txn = ydoc.transact_mut();
    let f = txn.get_or_insert_xml_fragment("default");
    for p in &doc.content {
        let e = f.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        for t in &p.content {
            e.push_back(&mut txn, XmlTextPrelim::new(t.text.clone()));
        }
    }
    Ok(txn.encode_diff_v1(&StateVector::default()).into())
}
pub fn markdown_to_update(markdown: &str, client: u64) -> Result<Bytes> {
    document_to_update(&markdown::parse(markdown).doc, client)
}
pub fn update_to_markdown(update: &[u8]) -> Result<String> {
    crate::protocol::update::check_update(update)
        .map_err(|e| RealtimeError::new(Code::InvalidYjsUpdate, e.to_string()))?;
    let doc = Doc::new();
    let mut txn = doc.transact_mut();
    txn.apply_update(
        Update::decode_v1(update).map_err(|e| RealtimeError::new(Code::InvalidYjsUpdate, e.to_string()))?,
    )
    .map_err(|e| RealtimeError::new(Code::InvalidYjsUpdate, e.to_string()))?;
    let f = txn.get_or_insert_xml_fragment("default");
    let mut out = vec![];
    for c in f.children(&txn) {
        if let XmlOut::Element(e) = c {
            out.push(
                e.children(&txn)
                    .map(|t| match t {
                        XmlOut::Text(t) => t.get_string(&txn),
                        _ => String::new(),
                    })
                    .collect::<String>(),
            );
        }
    }
    Ok(out.join("\n\n"))
}
