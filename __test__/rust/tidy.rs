//! Keeps the tree tidy: what no compiler checks and every reader notices.

// A check that cannot read the tree fails.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const TEST_FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
/// A test is often a table, and a table is as long as it has cases.
const TEST_FUNCTION_LINES_MAX: usize = 150;

/// Outside libraries and the only places that may name them: a part of a path each.
const HOMES: &[(&str, &[&str])] = &[
    ("napi", &["src/node/"]),
    ("napi_derive", &["src/node/"]),
    ("rusqlite", &["src/store/sqlite"]),
    ("hyper", &["src/server/"]),
    ("hyper_util", &["src/server/"]),
    ("http_body_util", &["src/server/"]),
    ("yrs", &["src/document/"]),
    ("serde_yaml", &["src/config/"]),
    ("similar", &["src/document/reconcile/"]),
    ("zstd", &["src/store/snapshot.rs"]),
];

/// Where tests may name them besides.
const TEST_HOMES: &[(&str, &[&str])] = &[
    // The room's tests have editors of their own; the check of updates is held against the real thing.
    ("yrs", &["src/protocol/update.rs", "src/room/state/tests/", "__test__/rust/"]),
    ("hyper", &["__test__/rust/"]),
    ("hyper_util", &["__test__/rust/"]),
    ("http_body_util", &["__test__/rust/"]),
    ("tokio_websockets", &["__test__/rust/"]),
    // What a killed process left is read without the store.
    ("rusqlite", &["__test__/rust/stored_rooms.rs"]),
];

/// Words of work that is not done yet.
const UNFINISHED: [&str; 4] = ["TODO", "FIXME", "todo!(", "unimplemented!("];

/// A source file, and where its tests begin.
struct Source {
    /// From the crate's root, with `/`.
    path: String,
    text: String,
    tests_from: usize,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        let all_tests = path.starts_with("__test__/")
            || path.contains("/tests/")
            || path.contains("/simulation/")
            || path.ends_with("/tests.rs")
            || path.contains("/conformance");
        // By convention a file's own tests are its last module.
        let module = text.lines().position(|line| line == "mod tests {").unwrap_or(usize::MAX);
        Self { path, text, tests_from: if all_tests { 0 } else { module } }
    }

    /// Its lines with their numbers from 1, and whether each belongs to tests.
    fn lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line, at >= self.tests_from))
    }

    fn complain(&self, line: usize, problem: &str) -> String {
        format!("{}:{line}: {problem}", self.path)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "__test__/rust"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    assert!(files.len() > 50, "only {} files were found", files.len());
    files.iter().map(|file| Source::read(root, file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Fails with all complaints of a check at once.
fn check(complaints: impl Fn(&Source) -> Vec<String>) {
    let all: Vec<String> = sources().iter().flat_map(complaints).collect();
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    check(|source| {
        let first = source.text.lines().next().unwrap_or_default();
        // A purpose takes more than a word.
        let says_it = first.strip_prefix("//! ").is_some_and(|text| text.split(' ').count() > 1);
        if says_it {
            vec![]
        } else {
            vec![source.complain(1, "the first line does not say what the file is for")]
        }
    });
}

#[test]
fn files_hold_one_idea() {
    check(|source| {
        let count = source.text.lines().count();
        let max = if source.tests_from == 0 { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        if count <= max { vec![] } else { vec![source.complain(count, &format!("more than {max} lines"))] }
    });
}

#[test]
fn functions_fit_on_a_screen() {
    check(|source| {
        let max_at =
            |line| if line > source.tests_from { TEST_FUNCTION_LINES_MAX } else { FUNCTION_LINES_MAX };
        let long = functions(&source.text).into_iter().filter(|(line, lines)| *lines > max_at(*line));
        long.map(|(line, lines)| source.complain(line, &format!("a function of {lines} lines"))).collect()
    });
}

/// The first line of each function with a block of its own, and how many it has. The formatter closes a
/// function at the indentation at which it opened it.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line.trim_start())) {
        let indentation = &line[..line.len() - line.trim_start().len()];
        let signature = lines[at..].iter().find(|line| line.ends_with(['{', '}', ';']));
        let end = lines[at..].iter().position(|line| line.strip_prefix(indentation) == Some("}"));
        if let (Some(signature), Some(end)) = (signature, end)
            && signature.ends_with('{')
        {
            found.push((at + 1, end + 1));
        }
    }
    found
}

fn is_function(code: &str) -> bool {
    let code = code.strip_prefix("pub").unwrap_or(code);
    let code = code.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(code, |(_, rest)| rest);
    let qualifiers = ["const", "async", "unsafe"];
    code.split_whitespace().find(|word| !qualifiers.contains(word)) == Some("fn")
}

#[test]
fn outside_libraries_have_one_home() {
    check(|source| {
        let mut complaints = Vec::new();
        for (line, text, is_test) in source.lines() {
            if text.trim_start().starts_with("//") {
                continue;
            }
            let named = HOMES.iter().filter(|(library, _)| names(text, library));
            for (library, homes) in named {
                let at_home = |(of, homes): &(&str, &[&str])| {
                    of == library && homes.iter().any(|home| source.path.starts_with(home))
                };
                let is_allowed = HOMES.iter().any(at_home) || (is_test && TEST_HOMES.iter().any(at_home));
                if !is_allowed {
                    let problem = format!("{library} is for {} alone", homes.join(", "));
                    complaints.push(source.complain(line, &problem));
                }
            }
        }
        complaints
    });
}

/// Whether a path of this library stands in a line, and not one of ours that ends like it.
fn names(line: &str, library: &str) -> bool {
    line.split_once(&format!("{library}::"))
        .is_some_and(|(before, _)| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

#[test]
fn nothing_is_left_to_panic_or_to_be_done() {
    check(|source| {
        let mut complaints = Vec::new();
        let mut excused = false;
        for (line, text, is_test) in source.lines() {
            // What is for tests alone, and what clippy was told of, is excused to the end of its block.
            if text.contains("cfg(test)")
                || text.contains("clippy::unwrap_used")
                || text.contains("clippy::expect_used")
            {
                excused = true;
            }
            let code = text.split("//").next().unwrap_or_default();
            let panics = code.contains(".unwrap()") || code.contains(".expect(");
            if panics && !is_test && !excused {
                complaints.push(source.complain(line, "unwrap or expect outside tests"));
            }
            if text.trim().is_empty() {
                excused = false;
            }
            if UNFINISHED.iter().any(|word| text.contains(word)) && !source.path.ends_with("/tidy.rs") {
                complaints.push(source.complain(line, "work that is not done"));
            }
        }
        complaints
    });
}

#[test]
fn the_function_counter_counts() {
    let text = "\
fn one() {}
impl X {
    pub(in crate::x) async fn two(
        a: u8,
    ) -> u8 {
        a
    }
}
trait Y {
    fn three(
        &self,
    );
}
";
    assert_eq!(functions(text), [(3, 5)]);
}
