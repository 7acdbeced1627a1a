//! STUB
mod node;
pub use node::{Attrs, Mark, Node, NodeKind};
#[derive(Debug, Clone)]
pub struct Lost {
    pub first_line: u32,
    pub last_line: u32,
    pub kind: &'static str,
}
#[derive(Debug, Clone)]
pub struct Parsed {
    pub doc: Node,
    pub lost: Vec<Lost>,
}
fn node(kind: &'static str, text: String, content: Vec<Node>) -> Node {
    Node { kind: kind.into(), attrs: Attrs::new(), text, marks: vec![], content }
}
pub fn parse(markdown: &str) -> Parsed {
    let content = markdown
        .split("\n\n")
        .filter(|p| !p.trim().is_empty())
        .map(|p| node("paragraph", String::new(), vec![node("text", p.trim().into(), vec![])]))
        .collect();
    Parsed { doc: node("doc", String::new(), content), lost: vec![] }
}
pub fn serialize(doc: &Node) -> String {
    doc.content
        .iter()
        .map(|p| p.content.iter().map(|t| t.text.clone()).collect::<String>())
        .collect::<Vec<_>>()
        .join("\n\n")
}
pub fn check_lossless(_: &str, parsed: &Parsed) -> Vec<Lost> {
    parsed.lost.clone()
}
