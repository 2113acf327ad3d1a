//! The cluster's file and its secrets: found, read, checked, written.
//!
//! [`load`] and [`load_with_secrets`] are what commands call: they return a topology that makes sense, or everything
//! that is wrong, each problem with its place.

mod access;
mod edit;
mod file;
mod load;
mod locate;
mod model;
mod origins;
mod reader;
mod secrets;
mod template;
mod warnings;
mod write;

pub use crate::diagnostic::{Diagnostic, Position, Source};
pub use edit::set_text;
pub use load::{load, load_from, load_with_secrets};
pub use locate::{candidates, find, secrets_beside, target};
pub use model::Config;
pub use origins::{Origin, Setting};
pub use secrets::{MIN_SECRET_LENGTH, SECRET_KEYS, SecretsRules, check_secret, exposed_to_others, read_secrets};
pub use template::{render, render_secrets};
pub(crate) use write::refuse_existing;
pub use write::{FileToWrite, Overwrite, install};
