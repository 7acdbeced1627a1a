//! Files and values that are too large or too deep.

use std::fmt::Write as _;
use std::time::Instant;

use super::*;

#[test]
fn what_has_no_end_is_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        writeln!(bomb, "a{level}: &a{level} [{below}]").unwrap();
    }
    let mut wide = String::from("a: [");
    wide.push_str(&"1,".repeat(20_000));
    wide.push(']');
    let in_time = Instant::now();
    for (text, found) in [
        (&bomb, "too many values"),
        (&wide, "too many values"),
        (&"a: 1 #".repeat(20_000), "a larger file"),
        (&format!("a: {}", "[".repeat(60_000)), "more brackets"),
        (&format!("a: {}", "{a: ".repeat(15_000)), "more brackets"),
        (&format!("a: {}", "[".repeat(4_000)), "too many levels of nesting"),
        (&format!("a: {}", "- ".repeat(30_000)), "no YAML"),
        (&format!("a: {}{}", "[".repeat(100), "]".repeat(100)), "too many levels of nesting"),
        (&"a: &a [*a]".to_owned(), "too many levels of nesting"),
        (&"a: &a {b: *a}".to_owned(), "too many levels of nesting"),
        (&"? ".repeat(30_000), "no YAML"),
        (&format!("{0}: 1\n{0}: 2", "k".repeat(1_000)), "the key a second time"),
        (&format!("a: !!int {}", "k".repeat(30_000)), "no YAML"),
    ] {
        let error = fail(text);
        assert!(error.context["found"].as_str().unwrap().starts_with(found), "{error}");
        assert!(error.message.len() < 1000, "{error}");
    }
    assert!(in_time.elapsed() < Duration::from_secs(10));
}

#[test]
fn warnings_are_bounded() {
    let mut text = String::new();
    for index in 0..3_000 {
        writeln!(text, "key{index}: 1").unwrap();
    }
    let warnings = load(&text).warnings;
    assert_eq!(warnings.len(), 21);
    assert_eq!(warnings[20], "realtime.yml: 2980 more such keys");
    let long = load(&format!("{}: 1", "k".repeat(1000))).warnings;
    assert!(long.len() == 1 && long[0].len() < 300, "{long:?}");
}
