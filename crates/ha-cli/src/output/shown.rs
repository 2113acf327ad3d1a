//! What can be shown.

use serde_json::Value;

use super::human::Page;

/// A value that can be shown to people and to programs.
pub trait Report {
    /// For people.
    fn human(&self, page: &mut Page);
    /// For programs: an object with a `schema` number.
    fn json(&self) -> Value;
}
