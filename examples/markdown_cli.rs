//! Reads one JSON request per line and answers with one JSON line: for comparing our Markdown with
//! another implementation without a Node.js addon in between.
//!
//! - `{"markdown": "..."}` answers `{"doc": ..., "markdown": ..., "lost": [...], "update": "..."}`
//! - `{"doc": {...}}`, a document as ProseMirror has it in JSON, answers `{"markdown": ..., "update": "..."}`
//! - `{"update": "..."}` answers `{"markdown": ...}` or `{"error": ...}`
//!
//! Updates are in Base64, those that are made have the client id 7.

use std::io::{BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use civicpress_realtime::document::xml::{document_to_update, update_to_markdown};
use civicpress_realtime::markdown::{Mark, Node, check_lossless, parse, serialize};
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| request.get(name).and_then(Value::as_str);
        let answer = match (text("markdown"), text("update"), request.get("doc")) {
            (Some(markdown), _, _) => parsed(markdown),
            (_, Some(update), _) => match update_to_markdown(&STANDARD.decode(update)?) {
                Ok(markdown) => json!({ "markdown": markdown }),
                Err(error) => json!({ "error": error.to_string() }),
            },
            (_, _, Some(doc)) => written(&node_of(doc)),
            _ => json!({ "error": "neither markdown, update nor doc" }),
        };
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn parsed(markdown: &str) -> Value {
    let parsed = parse(markdown);
    let lost: Vec<Value> = check_lossless(markdown, &parsed)
        .iter()
        .map(|lost| json!([lost.first_line, lost.last_line, lost.kind]))
        .collect();
    let mut answer = written(&parsed.doc);
    answer["doc"] = json_of(&parsed.doc);
    answer["lost"] = lost.into();
    answer
}

fn written(doc: &Node) -> Value {
    const CLIENT: u64 = 7;
    let update = document_to_update(doc, CLIENT).map(|update| STANDARD.encode(update)).ok();
    json!({ "markdown": serialize(doc), "update": update })
}

fn json_of(node: &Node) -> Value {
    let mut json = Map::from_iter([("type".to_owned(), Value::from(node.kind.as_ref()))]);
    if !node.attrs.is_empty() {
        json.insert("attrs".to_owned(), json!(node.attrs));
    }
    if !node.content.is_empty() {
        json.insert("content".to_owned(), node.content.iter().map(json_of).collect());
    }
    if !node.text.is_empty() {
        json.insert("text".to_owned(), node.text.as_str().into());
    }
    if !node.marks.is_empty() {
        json.insert("marks".to_owned(), node.marks.iter().map(mark_json_of).collect());
    }
    json.into()
}

fn mark_json_of(mark: &Mark) -> Value {
    let mut json = Map::from_iter([("type".to_owned(), Value::from(mark.kind.as_ref()))]);
    if !mark.attrs.is_empty() {
        json.insert("attrs".to_owned(), json!(mark.attrs));
    }
    json.into()
}

fn node_of(json: &Value) -> Node {
    let list = |name: &str| json.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Node {
        kind: text_of(json, "type").into(),
        attrs: attrs_of(json).filter(|(_, value)| !value.is_null()).collect(),
        text: text_of(json, "text"),
        marks: list("marks")
            .iter()
            .map(|mark| Mark { kind: text_of(mark, "type").into(), attrs: attrs_of(mark).collect() })
            .collect(),
        content: list("content").iter().map(node_of).collect(),
    }
}

fn text_of(json: &Value, name: &str) -> String {
    json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn attrs_of(json: &Value) -> impl Iterator<Item = (String, Value)> {
    json.get("attrs").and_then(Value::as_object).cloned().unwrap_or_default().into_iter()
}
