//! How a room's document becomes Markdown and back: by the built-in codec, or by the application's own for
//! another editor's schema.
//!
//! The application's is asked here and nowhere else, and nothing that it answers is believed unseen. What it
//! reads must be a tree ([`xml::update_to_tree`]). It is seeded not as it came, under a client id that is another
//! one each time, but as the same tree written under an id that follows from room and text: somebody who
//! comes back with an older seed of it has the same one.
//!
//! A text is carried whole if it comes back as it was; or else if what comes back reads as the same document,
//! and if the built-in parser, too, sees the same in both texts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::off_thread::off_thread;
use crate::document::reconcile::Merged;
use crate::document::xml::Foreign;
use crate::document::{ApplyError, Document, Draft, NewlyRendered, Rendering, xml};
use crate::error::{Code, RealtimeError, Result};
use crate::host::{Codec, Host, HostFuture};
use crate::ids::RoomId;
use crate::markdown::{self, Lost, Node};
use crate::store::HostText;

/// Calls of the application's codec that run at a time; more wait, within their timeout. Each holds a
/// document, and all of them run on one thread of the application.
const CALLS_AT_ONCE_MAX: usize = 8;

/// The longest text or update that the application's codec may give, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

const FROM_MARKDOWN: &str = "codec.fromMarkdown";
const TO_MARKDOWN: &str = "codec.toMarkdown";

/// What makes Markdown of documents.
#[derive(Clone)]
pub enum RoomCodec {
    /// The one for the schema of the built-in editor.
    BuiltIn,
    /// The application's.
    Host(HostCodec),
}

/// The application's codec, its calls bounded in number and time.
#[derive(Clone)]
pub struct HostCodec {
    codec: Arc<dyn Codec>,
    /// The longest that a call may take, its wait for a turn included.
    call_timeout: Duration,
    turns: Arc<Semaphore>,
}

/// A text as the document that it becomes.
pub(super) struct Seed {
    /// The document.
    pub document: Document,
    /// The same as one update.
    pub update: Bytes,
    /// What of the text is not in it.
    pub lost: Vec<Lost>,
}

/// A document as it was at one moment, to be rendered as a draft.
#[derive(Debug)]
pub enum DraftSource {
    /// For the built-in codec: the blocks that are rendered already, and the others.
    Blocks(Draft),
    /// For the application's: all of it.
    State(Bytes),
}

/// A draft's text and what came with it.
pub(super) struct RenderedDraft {
    /// The text.
    pub markdown: String,
    /// What had to be rendered for it, for the document to keep.
    pub new: Option<NewlyRendered>,
    /// What the document holds that the text does not say.
    pub foreign: Foreign,
    /// Whether the text is read as this document; the application's codec is taken at its word.
    pub is_read_back: bool,
}

/// An edit made elsewhere, ready to be merged.
#[derive(Debug)]
pub enum ExternalEdit {
    /// What the built-in codec will read: the text before and after.
    Texts {
        /// When host and document last agreed.
        old: HostText,
        /// Now.
        new: HostText,
    },
    /// What the application's has read.
    Trees {
        /// When host and document last agreed.
        old: Box<Node>,
        /// Now.
        new: Box<Node>,
        /// What of the text now is not in its tree.
        lost: Vec<Lost>,
    },
}

impl ExternalEdit {
    /// The text before, where it says by itself what was lost in it.
    pub fn old_text(&self) -> Option<HostText> {
        match self {
            Self::Texts { old, .. } => Some(old.clone()),
            Self::Trees { .. } => None,
        }
    }

    /// Merges it into the live document.
    pub fn apply(self, document: &mut Document) -> Result<Merged, ApplyError> {
        match self {
            Self::Texts { old, new } => document.merge_external(&old, &new),
            Self::Trees { old, new, lost } => {
                let merged = document.merge_trees(&old, &new)?;
                Ok(Merged { lost, ..merged })
            }
        }
    }
}

impl RoomCodec {
    /// The application's, or the built-in one if it has none.
    pub fn of(host: &dyn Host, call_timeout: Duration) -> Self {
        let turns = Arc::new(Semaphore::new(CALLS_AT_ONCE_MAX));
        host.codec().map_or(Self::BuiltIn, |codec| Self::Host(HostCodec { codec, call_timeout, turns }))
    }

    /// Makes a new document of a text.
    pub(super) async fn seed(&self, room: &RoomId, text: &HostText) -> Result<Seed> {
        let client = seed_client(room, text);
        match self {
            Self::BuiltIn => {
                let source = text.clone();
                let read = move || {
                    let parsed = markdown::parse(&source);
                    let update = xml::document_to_update(&parsed.doc, client);
                    (parsed, update)
                };
                let (parsed, update) = off_thread(room, read).await?;
                let (source, update) = (text.clone(), update?);
                // A long text is looked through on one thread, which then takes its time to free the tree, while
                // another makes the document.
                let lost = off_thread(room, move || markdown::check_lossless(&source, &parsed));
                let made = off_thread(room, move || make_document(update));
                let (lost, made) = tokio::try_join!(lost, made)?;
                let (document, update) = made?;
                Ok(Seed { document, update, lost })
            }
            Self::Host(codec) => {
                let tree = codec.read(room, text).await?;
                let lost = codec.lost(room, text, &tree).await?;
                let (document, update) =
                    off_thread(room, move || make_document(xml::document_to_update(&tree, client)?))
                        .await??;
                Ok(Seed { document, update, lost })
            }
        }
    }

    /// The text of the document that this update is all of.
    pub(super) async fn render(&self, room: &RoomId, state: Bytes) -> Result<String> {
        match self {
            Self::BuiltIn => off_thread(room, move || xml::update_to_markdown(&state)).await?,
            Self::Host(codec) => codec.render(room, state).await,
        }
    }

    /// Takes what a draft of the document, whose state this is, will be rendered of.
    pub(super) fn draft(&self, document: &mut Document, state: &Bytes) -> Result<DraftSource, ApplyError> {
        Ok(match self {
            Self::BuiltIn => DraftSource::Blocks(document.draft()?),
            Self::Host(_) => DraftSource::State(state.clone()),
        })
    }

    /// Renders a draft.
    pub(super) async fn render_draft(&self, room: &RoomId, source: DraftSource) -> Result<RenderedDraft> {
        match source {
            DraftSource::Blocks(draft) => {
                let Rendering { markdown, new, foreign, is_read_back } =
                    off_thread(room, move || draft.render()).await??;
                Ok(RenderedDraft { markdown, new: Some(new), foreign, is_read_back })
            }
            DraftSource::State(state) => {
                let markdown = self.render(room, state).await?;
                Ok(RenderedDraft { markdown, new: None, foreign: Foreign::default(), is_read_back: true })
            }
        }
    }

    /// What a document holds that its Markdown does not say. The application's codec is taken at its word.
    pub(super) fn foreign(&self, document: &Document) -> Result<Foreign, ApplyError> {
        match self {
            Self::BuiltIn => document.foreign(),
            Self::Host(_) => Ok(Foreign::default()),
        }
    }

    /// What of a text this document, into which it was merged, does not carry.
    pub(super) async fn lost_in(
        &self,
        room: &RoomId,
        text: &HostText,
        mut document: Document,
    ) -> Result<(Vec<Lost>, Document)> {
        match self {
            Self::BuiltIn => {
                let text = text.clone();
                off_thread(room, move || {
                    let lost = markdown::check_lossless(&text, &markdown::parse(&text));
                    let carried = if lost.is_empty() { Ok(String::new()) } else { document.markdown() };
                    // A document that cannot be read carries nothing, as far as is known.
                    let lost = markdown::not_carried(&text, lost, &carried.unwrap_or_default());
                    (lost, document)
                })
                .await
            }
            Self::Host(codec) => {
                let tree = codec.read(room, text).await?;
                Ok((codec.lost(room, text, &tree).await?, document))
            }
        }
    }

    /// Reads what must be read before an edit made elsewhere can be merged.
    pub(super) async fn edit(&self, room: &RoomId, old: HostText, new: HostText) -> Result<ExternalEdit> {
        let Self::Host(codec) = self else { return Ok(ExternalEdit::Texts { old, new }) };
        let old = codec.read(room, &old).await?;
        let tree = codec.read(room, &new).await?;
        let lost = codec.lost(room, &new, &tree).await?;
        Ok(ExternalEdit::Trees { old: old.into(), new: tree.into(), lost })
    }
}

impl HostCodec {
    async fn read(&self, room: &RoomId, text: &str) -> Result<Node> {
        let update = self.call(FROM_MARKDOWN, room, || self.codec.read_markdown(text.to_owned())).await?;
        check_size(FROM_MARKDOWN, room, update.len())?;
        off_thread(room, move || xml::update_to_tree(&update)).await?.map_err(|problem| {
            unusable(
                FROM_MARKDOWN,
                room,
                &format!(
                    "the update {problem}; expected a Yjs update (version 1) of a whole document with all of \
                     its content in the XML fragment `default`"
                ),
            )
        })
    }

    async fn render(&self, room: &RoomId, state: Bytes) -> Result<String> {
        let text = self.call(TO_MARKDOWN, room, || self.codec.write_markdown(state)).await?;
        check_size(TO_MARKDOWN, room, text.len())?;
        Ok(text)
    }

    /// What of a text that was read as this tree would not come back. It is rendered as it would be seeded.
    async fn lost(&self, room: &RoomId, text: &str, tree: &Node) -> Result<Vec<Lost>> {
        let client = seed_client(room, text);
        let copy = tree.clone();
        let update = off_thread(room, move || xml::document_to_update(&copy, client)).await??;
        let rendered = self.render(room, update).await?;
        if rendered == text {
            return Ok(Vec::new());
        }
        let is_stable = self.read(room, &rendered).await? == *tree;
        let text = text.to_owned();
        off_thread(room, move || {
            let lost = markdown::lost_between(&text, &rendered);
            if lost.is_empty() && !is_stable { vec![Lost::all_of(&text)] } else { lost }
        })
        .await
    }

    async fn call<T>(
        &self,
        function: &'static str,
        room: &RoomId,
        call: impl FnOnce() -> HostFuture<T>,
    ) -> Result<T> {
        let turn = async {
            let _turn = self.turns.acquire().await;
            call().await
        };
        let answer = timeout(self.call_timeout, turn).await.unwrap_or_else(|_| {
            let waited = self.call_timeout.as_secs_f64();
            let problem =
                format!("the host's `{function}` did not answer within {waited} s (`host_timeout`)");
            Err(RealtimeError::new(Code::HostFailed, problem))
        });
        answer.map_err(|error| error.with("function", function).with("roomId", room.as_str()))
    }
}

fn check_size(function: &'static str, room: &RoomId, bytes: usize) -> Result<()> {
    if bytes <= ANSWER_BYTES_MAX {
        return Ok(());
    }
    Err(unusable(function, room, &format!("it has {bytes} bytes; at most {ANSWER_BYTES_MAX} are taken")))
}

fn unusable(function: &'static str, room: &RoomId, problem: &str) -> RealtimeError {
    let message = format!("the host's `{function}` gave an unusable answer for {room}: {problem}");
    RealtimeError::new(Code::HostFailed, message).with("function", function).with("roomId", room.as_str())
}

fn make_document(update: Bytes) -> Result<(Document, Bytes)> {
    let document = Document::seeded(&update).map_err(|error| {
        RealtimeError::new(Code::Internal, format!("the text does not make a document: {error}"))
    })?;
    Ok((document, update))
}

/// The Yjs client id that a seed is written under: the same for the same text of the same room, so
/// that even two seeds made apart from each other would be one.
fn seed_client(id: &RoomId, text: &str) -> u64 {
    let digest = Sha256::new().chain_update(id.as_str()).chain_update([0]).chain_update(text).finalize();
    u64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}
