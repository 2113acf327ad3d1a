//! Which part of the text says what.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use ha_core::topology::FieldPath;

/// The places of settings in the text, in bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(HashMap<FieldPath, (Range<usize>, Range<usize>)>);

impl Places {
    pub(super) fn add(&mut self, path: &FieldPath, value: Range<usize>, key: Range<usize>) {
        self.0.insert(path.clone(), (value, key));
    }

    /// The place of a value, where the file gives it.
    pub(crate) fn value(&self, path: &FieldPath) -> Option<Range<usize>> {
        self.0.get(path).map(|(value, _)| value.clone())
    }

    /// The place of a value, or the key of the nearest table around it that the file has.
    pub(crate) fn nearest(&self, path: &FieldPath) -> Option<Range<usize>> {
        if let Some(at) = self.value(path) {
            return Some(at);
        }
        let mut around = path.clone();
        while around.0.pop().is_some() {
            if let Some((_, key)) = self.0.get(&around) {
                return Some(key.clone());
            }
        }
        None
    }
}

/// Settings that were refused already, so that what follows from them is not said as well.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    /// The file as a whole: nothing in it means anything.
    pub(crate) everything: bool,
    paths: HashSet<FieldPath>,
}

impl Broken {
    pub(super) fn add(&mut self, path: FieldPath) {
        self.paths.insert(path);
    }

    /// Whether the value, or a table around it, was refused.
    pub(crate) fn contains(&self, path: &FieldPath) -> bool {
        let mut around = path.clone();
        loop {
            if self.paths.contains(&around) {
                return true;
            }
            if around.0.pop().is_none() {
                return false;
            }
        }
    }
}
