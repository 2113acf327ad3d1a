//! What programs read: one object on one line, with a schema number. Fields are added, never renamed.

use serde_json::{Value, json};

use crate::error::Error;
use crate::plain::plain_json;

/// The schema of every object that is printed.
pub(crate) const SCHEMA: u32 = 1;

/// An object as it is printed.
pub(super) fn line(value: &Value) -> String {
    format!("{}\n", plain_json(&value.to_string()))
}

/// The object that stands where a command's own object would.
pub(super) fn error(error: &Error) -> Value {
    match error {
        Error::Configuration(problems) => {
            let problems: Vec<Value> = problems.iter().map(crate::config::Diagnostic::to_json).collect();
            json!({ "schema": SCHEMA, "problems": problems })
        }
        Error::Failure(failure) => json!({ "schema": SCHEMA, "error": {
            "code": failure.code,
            "message": failure.message,
            "node": failure.node,
            "causes": failure.causes(),
            "help": failure.help,
        } }),
    }
}
