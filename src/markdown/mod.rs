//! The editor's document model and its Markdown, both ways, without IO and without yrs.

mod node;

pub use node::{Attrs, Mark, Node, NodeKind};
