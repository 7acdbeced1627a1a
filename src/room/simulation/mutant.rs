//! Faults that are built into the doubles around the engine, each of which must be found: a simulator that
//! finds nothing proves nothing before it has found something.

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// The disk loses the last update of a group that it said it has.
    CommitIsLost,
    /// The disk says that it has a group when it has only begun to write it: acknowledged before committed.
    AnswerComesFirst,
    /// A snapshot claims to hold all that is on disk, so that updates of the log are deleted that are not in it.
    LogIsCutTooFar,
    /// What is stored of a room is not there when it is loaded again, so it is seeded a second time.
    HistoryIsForgotten,
    /// The number of a snapshot is given a second time.
    VersionIsUsedAgain,
    /// A client is not sent an update, and nobody makes up for it.
    UpdateIsDropped,
    /// Viewers are let in as editors.
    ViewerMayWrite,
    /// Clients are told that their edits are saved when they arrive.
    SavedComesAtOnce,
    /// The engine is shown a text from before somebody's edit, and so writes over that edit.
    OldTextIsShown,
    /// A draft that comes late has lost all that was written on its way, and so is none that the engine knows.
    LateDraftIsCut,
    /// Whose right to edit is taken goes on as before, as long as the connection lasts.
    WithdrawnRightStays,
    /// The engine is told that a document may become as large as it likes.
    SizeHasNoLimit,
    /// Clients do not hear it when they are asked for what the room lacks, but for the first time.
    QuestionIsUnheard,
    /// A room that is locked is not.
    LockIsForgotten,
}

impl Mutant {
    pub(super) const ALL: [Self; 14] = [
        Self::CommitIsLost,
        Self::AnswerComesFirst,
        Self::LogIsCutTooFar,
        Self::HistoryIsForgotten,
        Self::VersionIsUsedAgain,
        Self::UpdateIsDropped,
        Self::ViewerMayWrite,
        Self::SavedComesAtOnce,
        Self::OldTextIsShown,
        Self::LateDraftIsCut,
        Self::WithdrawnRightStays,
        Self::SizeHasNoLimit,
        Self::QuestionIsUnheard,
        Self::LockIsForgotten,
    ];
}
