//! A block's inline content as one line of words, with places in UTF-16 units as yrs counts them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::align::Key;
use super::model::Model;
use crate::markdown::schema::{self, TEXT};
use crate::markdown::{Mark, Node};

/// How many words of a block are compared to tell whether it is like another one.
const PROFILE_WORDS_MAX: usize = 400;

/// What a node in the line counts as.
const NODE_UNITS: u32 = 1;

/// Stands for a node in the line's text.
const NODE_CHAR: char = '\u{fffc}';

/// The pieces of a line: text with marks, or a node.
#[derive(Debug)]
pub(super) struct Line<'a> {
    text: String,
    pieces: Vec<Piece<'a>>,
    pub tokens: Vec<Token<'a>>,
}

#[derive(Debug)]
struct Piece<'a> {
    node: &'a Node,
    bytes: Range<usize>,
    units: Range<u32>,
}

/// A word, a run of spaces, a punctuation mark or a node. A word may have parts with other marks.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    /// The node, if it is one.
    node: Option<&'a Node>,
    class: Class,
    bytes: Range<usize>,
    /// Where it is, in UTF-16 units; a node is one unit.
    pub units: Range<u32>,
}

/// What two tokens are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenKey<'a> {
    text: &'a str,
    node: Option<Key<'a>>,
    /// See [`Token::counts`].
    pub counts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Space,
    /// A token of its own: punctuation, a line end, a node.
    Single,
}

impl Class {
    /// Letters beyond ASCII come with signs that belong to them, such as accents on their own; all
    /// of that is in the word.
    fn of(c: char) -> Self {
        match c {
            NODE_CHAR | '\n' => Self::Single,
            c if c.is_whitespace() => Self::Space,
            c if c.is_alphanumeric() || c == '_' || !c.is_ascii() => Self::Word,
            _ => Self::Single,
        }
    }
}

impl Token<'_> {
    /// Whether it says something: a word or a node, not what stands between them.
    pub(super) fn counts(&self) -> bool {
        self.is_word() || self.node.is_some()
    }

    pub(super) fn is_space(&self) -> bool {
        self.class == Class::Space
    }

    pub(super) fn is_word(&self) -> bool {
        self.class == Class::Word
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        let mut line = Self { text: String::new(), pieces: Vec::new(), tokens: Vec::new() };
        let mut units = 0;
        for node in nodes {
            let start = line.text.len();
            let len = if node.kind == TEXT {
                line.text.push_str(&node.text);
                utf16_len(&node.text)
            } else {
                line.text.push(NODE_CHAR);
                NODE_UNITS
            };
            line.pieces.push(Piece { node, bytes: start..line.text.len(), units: units..units + len });
            units += len;
        }
        line.cut();
        line
    }

    fn cut(&mut self) {
        let (mut units, mut pieces) = (0, self.pieces.iter().peekable());
        for (at, c) in self.text.char_indices() {
            let class = Class::of(c);
            let end = at + c.len_utf8();
            let len = u32::try_from(c.len_utf16()).unwrap_or(1);
            while pieces.next_if(|piece| piece.bytes.end <= at).is_some() {}
            let piece = pieces.peek().map(|piece| piece.node);
            match self.tokens.last_mut() {
                Some(token) if token.class == class && class != Class::Single => {
                    token.bytes.end = end;
                    token.units.end += len;
                }
                _ => {
                    let node = piece.filter(|node| node.kind != TEXT);
                    self.tokens.push(Token { node, class, bytes: at..end, units: units..units + len });
                }
            }
            units += len;
        }
    }

    pub(super) fn keys(&self) -> Vec<TokenKey<'_>> {
        let key = |token: &Token<'a>| TokenKey {
            text: &self.text[token.bytes.clone()],
            node: token.node.map(Key),
            counts: token.counts(),
        };
        self.tokens.iter().map(key).collect()
    }

    /// The length in units.
    pub(super) fn len(&self) -> u32 {
        self.pieces.last().map_or(0, |piece| piece.units.end)
    }

    /// The nodes that these tokens are.
    pub(super) fn nodes(&self, tokens: Range<usize>) -> Vec<Node> {
        let Some(bytes) = self
            .tokens
            .get(tokens)
            .and_then(|tokens| Some(tokens.first()?.bytes.start..tokens.last()?.bytes.end))
        else {
            return Vec::new();
        };
        let inside = self.pieces.iter().filter(|p| p.bytes.start < bytes.end && p.bytes.end > bytes.start);
        let node = |piece: &Piece<'a>| {
            if piece.node.kind != TEXT {
                return piece.node.clone();
            }
            let part = piece.bytes.start.max(bytes.start)..piece.bytes.end.min(bytes.end);
            schema::text(&self.text[part], piece.node.marks.clone())
        };
        inside.map(node).collect()
    }

    /// The marks of a token's parts; places are counted from the token's beginning.
    pub(super) fn marks(&self, token: &Token<'_>) -> Vec<(Range<u32>, &'a [Mark])> {
        let Range { start, end } = token.units;
        let first = self.pieces.partition_point(|piece| piece.units.end <= start);
        let inside = self.pieces[first..].iter().take_while(|piece| piece.units.start < end);
        inside
            .map(|piece| {
                let part = piece.units.start.max(start) - start..piece.units.end.min(end) - start;
                (part, piece.node.marks.as_slice())
            })
            .collect()
    }
}

pub(super) fn utf16_len(text: &str) -> u32 {
    u32::try_from(text.chars().map(char::len_utf16).sum::<usize>()).unwrap_or(u32::MAX)
}

/// A block's words and nodes as sorted hashes, up to a number that is enough to know it by.
pub(super) fn words_of(model: &Model, node: &Node) -> Vec<u64> {
    let mut words = Vec::new();
    collect_words(model, node, &mut |hash| {
        words.push(hash);
        words.len() < PROFILE_WORDS_MAX
    });
    words.sort_unstable();
    words
}

/// How many words and nodes in text there are in a block.
pub(super) fn count_words(model: &Model, node: &Node) -> usize {
    let mut count = 0;
    collect_words(model, node, &mut |_| {
        count += 1;
        true
    });
    count
}

/// Calls for each word until it is told to stop; says whether it may go on.
fn collect_words(model: &Model, node: &Node, take: &mut impl FnMut(u64) -> bool) -> bool {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    if node.kind == TEXT {
        let words = node.text.split(|c| Class::of(c) != Class::Word).filter(|word| !word.is_empty());
        return words.into_iter().all(|word| take(hash(&|hasher| word.hash(hasher))));
    }
    if model.is_inline(&node.kind) {
        return take(hash(&|hasher| Key(node).hash(hasher)));
    }
    node.content.iter().all(|child| collect_words(model, child, take))
}
