//! Whether a block's Markdown, read again, says what the block does.
//!
//! The editor's serializer does not promise it, and we write what it writes: `**.**a` for a bold dot before a letter is no
//! bold dot to any reader of Markdown, and `<b>` that somebody typed is HTML. What only looks the same is no
//! difference: space at the ends of a line, marks on space, empty paragraphs.

use super::attrs::Attrs;
use super::node::{Mark, Node};
use super::serialize::RenderedBlock;
use super::{parse, schema};

/// Whether a block is what it was when its Markdown is read by itself.
pub(crate) fn is_read_back(block: &Node, rendered: &RenderedBlock) -> bool {
    let text = rendered.markdown();
    // Such a line would go on with a list before it.
    if block.kind == schema::PARAGRAPH && text.starts_with([' ', '\t']) {
        return false;
    }
    let read = parse(text);
    read.lost.is_empty() && content(std::slice::from_ref(block)) == content(&read.doc.content)
}

/// What a document says.
#[derive(Debug, PartialEq)]
enum Said<'a> {
    Begin(&'a str, &'a Attrs),
    End,
    /// Letters without space, with their marks.
    Word(String, &'a [Mark]),
    Space,
    /// Code, of which every character counts.
    Verbatim(&'a str),
}

fn content(nodes: &[Node]) -> Vec<Said<'_>> {
    let mut said = Vec::new();
    nodes.iter().for_each(|node| add(node, &mut said));
    said
}

fn add<'a>(node: &'a Node, said: &mut Vec<Said<'a>>) {
    match node.kind.as_ref() {
        schema::TEXT => add_text(node, said),
        schema::CODE_BLOCK => {
            said.push(Said::Begin(&node.kind, &node.attrs));
            said.extend(node.content.iter().map(|text| Said::Verbatim(&text.text)));
            said.push(Said::End);
        }
        schema::HARD_BREAK => {
            end_line(said);
            said.push(Said::Begin(&node.kind, &node.attrs));
        }
        _ => {
            said.push(Said::Begin(&node.kind, &node.attrs));
            node.content.iter().for_each(|inside| add(inside, said));
            end_line(said);
            while matches!(said.last(), Some(Said::Begin(schema::HARD_BREAK, _))) {
                said.pop();
                end_line(said);
            }
            // An empty paragraph says nothing.
            if said.pop_if(|last| matches!(last, Said::Begin(schema::PARAGRAPH, _))).is_none() {
                said.push(Said::End);
            }
        }
    }
}

fn end_line(said: &mut Vec<Said<'_>>) {
    said.pop_if(|last| *last == Said::Space);
}

fn add_text<'a>(node: &'a Node, said: &mut Vec<Said<'a>>) {
    for piece in node.text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if !word.is_empty() {
            match said.last_mut() {
                Some(Said::Word(last, marks)) if *marks == node.marks => last.push_str(word),
                _ => said.push(Said::Word(word.to_owned(), &node.marks)),
            }
        }
        let is_at_start = matches!(said.last(), None | Some(Said::Space | Said::Begin(..)));
        if word.len() < piece.len() && !is_at_start {
            said.push(Said::Space);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::schema::{empty, plain_mark, text};

    fn paragraph(content: Vec<Node>) -> Node {
        Node { content, ..empty(schema::PARAGRAPH) }
    }

    fn is_read_back_alone(block: &Node) -> bool {
        is_read_back(block, &RenderedBlock::of(block).unwrap())
    }

    #[test]
    fn what_is_written_as_something_else_is_not_read_back() {
        let bold = || vec![plain_mark(schema::STRONG)];
        for content in [
            vec![text(".", bold()), text("a", vec![])],
            vec![text("a ", vec![]), text("(b)", bold()), text("c", vec![])],
            vec![text("a <b> c", vec![])],
            vec![text("<div>", vec![])],
            vec![text("&amp;", vec![])],
            vec![text("1) a", vec![])],
            vec![text("https://a.b <https://a.b>", vec![])],
        ] {
            assert!(!is_read_back_alone(&paragraph(content.clone())), "{content:?}");
        }
    }

    #[test]
    fn what_looks_the_same_is_read_back() {
        let bold = || vec![plain_mark(schema::STRONG)];
        for content in [
            vec![],
            vec![text("* a # b 1. c", vec![])],
            vec![text("a ", bold()), text("b  c ", vec![])],
            vec![text("a.", bold()), text(" b", vec![])],
            vec![text("a", bold()), text("b", vec![])],
            vec![
                text("a ", vec![]),
                empty(schema::HARD_BREAK),
                text(" b", vec![]),
                empty(schema::HARD_BREAK),
            ],
        ] {
            assert!(is_read_back_alone(&paragraph(content.clone())), "{content:?}");
        }
        for markdown in [
            "# a\n",
            "> a\n>\n> * b",
            "```x\na\n\n```",
            "| a | b |\n| :-- | --- |\n| c<br>d |  |",
            "![a](/b \"c\") d",
            "---",
            "10. a\n\n11. b",
            "*",
            "a <!--civic-ref type=\"record\" id=\"1\" label=\"x\"--> b",
        ] {
            for block in &parse(markdown).doc.content {
                assert!(is_read_back_alone(block), "{markdown:?}");
            }
        }
    }
}
