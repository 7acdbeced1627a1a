//! Markdown there and back, and texts that no document can carry.

use proptest::prelude::*;

use super::*;

/// What the parser says is lost: lines and kind.
fn lost(markdown: &str) -> Vec<(u32, u32, &'static str)> {
    check_lossless(markdown, &parse(markdown))
        .into_iter()
        .map(|lost| (lost.first_line, lost.last_line, lost.kind))
        .collect()
}

/// Markdown as it is written back.
fn rewritten(markdown: &str) -> String {
    serialize(&parse(markdown).doc)
}

/// The document in short: names, attributes that matter, texts with their marks.
fn outline(node: &Node) -> String {
    let marks: String = node.marks.iter().map(|mark| format!("{}:", mark.kind)).collect();
    let content: Vec<String> = node.content.iter().map(outline).collect();
    match node.kind.as_ref() {
        "text" => format!("{marks}{:?}", node.text),
        name => format!("{marks}{name}({})", content.join(" ")),
    }
}

fn outlined(markdown: &str) -> String {
    parse(markdown).doc.content.iter().map(outline).collect::<Vec<_>>().join(" ")
}

#[test]
fn blocks_become_nodes() {
    for (markdown, expected) in [
        ("", "paragraph()"),
        ("a\nb", r#"paragraph("a b")"#),
        ("# T #", r#"heading("T")"#),
        ("T\n===", r#"heading("T")"#),
        ("> a\nb", r#"blockquote(paragraph("a b"))"#),
        (">", "blockquote(paragraph())"),
        ("- a\n- b", r#"bullet_list(list_item(paragraph("a")) list_item(paragraph("b")))"#),
        ("- # a", r#"bullet_list(list_item(paragraph() heading("a")))"#),
        ("-", "bullet_list(list_item(paragraph()))"),
        ("***", "horizontal_rule()"),
        ("    a\n\n    b", r#"code_block("a\n\nb")"#),
        ("```js\na\n```", r#"code_block("a")"#),
        (
            "a | b\n-|-\nc",
            r#"table(table_row(table_header(paragraph("a")) table_header(paragraph("b"))) table_row(table_cell(paragraph("c")) table_cell(paragraph())))"#,
        ),
    ] {
        assert_eq!(outlined(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn inline_content_becomes_text_with_marks() {
    for (markdown, expected) in [
        ("*a **b***", r#"paragraph(em:"a " em:strong:"b")"#),
        ("[*a*](/u)", r#"paragraph(link:em:"a")"#),
        ("**`a`**", r#"paragraph(strong:code:"a")"#),
        ("a  \nb\\\nc", r#"paragraph("a" hard_break() "b" hard_break() "c")"#),
        ("![a](/u)", "paragraph(image())"),
        ("&eacute;\\*", r#"paragraph("é*")"#),
        ("<https://ville.example>", r#"paragraph(link:"https://ville.example")"#),
        ("[a]\n\n[a]: /u", r#"paragraph(link:"a")"#),
        ("snake_case_word", r#"paragraph("snake_case_word")"#),
    ] {
        assert_eq!(outlined(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn attributes_have_the_types_of_the_schema() {
    let doc = parse("## T\n\n7. a\n\n```rs x\n```\n\n| a |\n| :-: |").doc;
    assert_eq!(doc.content[0].attrs["level"], 2);
    assert_eq!(doc.content[1].attrs["order"], 7);
    assert_eq!(doc.content[2].attrs["params"], "rs x");
    let header = &doc.content[3].content[0].content[0];
    let expected = serde_json::json!({ "align": "center", "colspan": 1, "rowspan": 1 });
    assert_eq!(serde_json::json!(header.attrs), expected);
}

#[test]
fn references_are_nodes_wherever_they_stand() {
    let reference = r#"<!--civic-ref type="record" id="r-1" label="Budget"-->"#;
    for (markdown, expected) in [
        (format!("Voir {reference}."), r#"paragraph("Voir " civicRef() ".")"#),
        (format!("{reference} remplace l'ancien."), r#"paragraph(civicRef() " remplace l'ancien.")"#),
        (format!("* {reference}"), "bullet_list(list_item(paragraph(civicRef())))"),
        (format!("a\n{reference}"), r#"paragraph("a " civicRef())"#),
        (
            format!("| a |\n| --- |\n| {reference} |"),
            r#"table(table_row(table_header(paragraph("a"))) table_row(table_cell(paragraph(civicRef()))))"#,
        ),
    ] {
        assert_eq!(outlined(&markdown), expected);
        assert_eq!(lost(&markdown), []);
    }
}

#[test]
fn written_as_the_editor_writes() {
    for (markdown, expected) in [
        ("- a\n- b", "* a\n\n* b"),
        ("1) a\n2) b", "1. a\n\n2. b"),
        ("_a_ __b__", "*a* **b**"),
        ("a  \nb", "a\\\nb"),
        ("T\n---", "## T"),
        ("> a\n>\n> - b", "> a\n>\n> * b"),
        ("a|b\n-|:-\nc\\|d|", "| a | b |\n| --- | :-- |\n| c\\|d |  |"),
        ("> | a |\n> | --: |\n> | 1 |", "> | a |\n> | --: |\n> | 1 |"),
        ("| a<br>b |\n|---|", "| a<br>b |\n| --- |"),
        ("~~~\na\n~~~", "```\na\n```"),
        // Hardly a table, an autolink, an image and emphasis.
        (
            "|a|||-\n\n|\\||\nh<\nttps://a.b> ![x [# No\neis\nAt **nigy](z)*a*s *qeak\\\nliuiet*, senee ",
            "|a|||-\n\n||| h< ttps://a.b> !\\[x [# No eis At \\*\\*nigy](z)*a*s *qeak\\\nliuiet*, senee",
        ),
    ] {
        assert_eq!(rewritten(markdown), expected, "{markdown:?}");
        assert_eq!(lost(markdown), [], "{markdown:?}");
    }
}

#[test]
fn what_has_no_node_is_named_with_its_lines() {
    for (markdown, expected) in [
        ("a\n\n<div>\nb\n</div>\n\nc", vec![(3, 5, "html_block")]),
        ("<!-- note -->", vec![(1, 1, "html_block")]),
        ("a\nb <span>c</span>\nd<br>", vec![(2, 2, "html_inline"), (3, 3, "html_inline")]),
        ("A claim.[^1]\n\n[^1]: The source.", vec![(1, 1, "footnote"), (3, 3, "footnote")]),
        ("a [^long_name*] b", vec![(1, 1, "footnote")]),
        ("a\n\n[b]: /u", vec![(3, 3, "link_reference")]),
        ("[b]\n\n[b]: /u\n[b]: /v", vec![(4, 4, "link_reference")]),
        ("![a *b*](/i)", vec![(1, 1, "image_alt")]),
        ("[](/u)", vec![(1, 1, "empty_link")]),
        ("[![a](/i)](/u)", vec![(1, 1, "linked_node")]),
        ("*a *b* c*", vec![(1, 1, "nested_mark")]),
        ("0. a", vec![(1, 1, "list_start")]),
        ("| a |\n| - |\n| b | c |", vec![(3, 3, "table_cell")]),
        ("1. a\n1) b\n\nc", vec![(1, 4, "structure")]),
        ("a\n\n* b\n- c", vec![(3, 4, "structure")]),
        ("\\[^1\\]", vec![]),
        ("`[^1]` and `<b>`", vec![]),
        ("**a\\\nb**", vec![]),
    ] {
        assert_eq!(lost(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn nesting_without_end_is_bounded() {
    for (open, close) in [
        ("> ", ""),
        ("- ", ""),
        ("*a ", ""),
        ("[", "]"),
        ("![", "](u)"),
        ("**a ", "**"),
        ("(", ")"),
        ("<a ", ">"),
    ] {
        let markdown = open.repeat(5_000) + "x" + &close.repeat(5_000);
        let parsed = parse(&markdown);
        let _ = check_lossless(&markdown, &parsed);
    }
    let deep = (0..30).map(|level| format!("{}- {level}\n", "  ".repeat(level))).collect::<String>();
    assert!(parse(&deep).lost.iter().any(|lost| lost.kind == "nested_too_deep"));
}

#[test]
fn blocks_know_their_lines() {
    assert_eq!(parse("a\n\n# b\n\n- c\n\n  d\n> e").block_lines, [1, 3, 5, 8]);
}

/// Pieces that mean something to Markdown, in any order.
fn noise() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "é",
        "🏛",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "*",
        "**",
        "_",
        "`",
        "```\n",
        "~~~",
        "[",
        "]",
        "(",
        ")",
        "](/u)",
        "![",
        "<",
        ">",
        "<b>",
        "<!--",
        "-->",
        "<div>\n",
        "&amp;",
        "&",
        "\\",
        "\\\n",
        "# ",
        "- ",
        "+ ",
        "1. ",
        "2) ",
        "> ",
        "---",
        "===",
        "|",
        "|-|\n",
        ":-:",
        "[r]: /u \"t\"\n",
        "[r]",
        "[^1]",
        "\r",
        "\0",
        "\u{2028}",
        "\u{a0}",
        "<http://ü.example/ü>",
        "%",
        "\"",
        "'",
        "!",
        ".",
        "<!--civic-ref type=\"record\" id=\"1\" label=\"\"-->",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Nothing panics, and what is said to be lossless is: stored in Yjs, where nodes have no marks, and then
    /// written and read again, it is the same.
    #[test]
    fn lossless_documents_are_fixed_points(markdown in noise()) {
        let parsed = parse(&markdown);
        prop_assert_eq!(&parsed.doc.kind, "doc");
        if check_lossless(&markdown, &parsed).is_empty() {
            let once = serialize(&stored(&parsed.doc));
            let read = parse(&once).doc;
            prop_assert_eq!(stored(&read), stored(&parsed.doc));
            // Neither does a text of ours lose anything, with the line end that files have.
            prop_assert_eq!(check_lossless(&once, &parse(&once)), []);
            prop_assert_eq!(&parse(&format!("{once}\n")).doc, &read);
        }
    }

    /// Text of one paragraph is escaped so that it is read as text. Without `_`, `<`, `&` and what begins a block:
    /// prosemirror-markdown leaves some of them as they are, and so must we; `check_lossless` finds it.
    #[test]
    fn plain_text_is_a_fixed_point(text in "[a-zà-ü][a-zà-ü0-9.,;:!?'()*#+>~|\\[\\]\\\\ -]{0,30}[a-zà-ü]") {
        let mut doc = parse("x").doc;
        doc.content[0].content[0].text.clone_from(&text);
        prop_assert_eq!(parse(&serialize(&doc)).doc, doc);
    }

    #[test]
    fn any_text_can_be_read(markdown in any::<String>()) {
        let _ = check_lossless(&markdown, &parse(&markdown));
    }
}
