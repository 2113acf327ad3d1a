//! What is known so far of a file that is read.

use std::ops::Range;
use std::sync::Arc;

use ha_core::topology::FieldPath;

use super::places::{Broken, Places};
use crate::diagnostic::{Diagnostic, Source};

pub(super) struct Reader<'s> {
    pub(super) source: &'s Arc<Source>,
    pub(super) places: Places,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) broken: Broken,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, at: Option<Range<usize>>, path: &FieldPath, message: String, help: String) {
        self.broken.add(path.clone());
        self.problems.push(Diagnostic::new(self.source, at, path.to_string(), message, help));
    }
}
