//! How a long call tells how far it is.

/// How far a long call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressUpdate {
    /// What is being done, for a person, in a few words.
    pub what: String,
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes in all, where they are known; an estimate may grow.
    pub total_bytes: Option<u64>,
}

/// Takes reports of progress. Called from within the work: it must not block.
pub trait Progress: Send + Sync {
    /// Takes one report. The last one that arrives counts.
    fn update(&self, update: ProgressUpdate);
}

/// Ignores every report.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _: ProgressUpdate) {}
}
