//! What a command prints for programs is what `docs/output.schema.json` says: every suite looks at each output that it gets.

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../../docs/output.schema.json");
/// They print one object after the other.
const MANY: [&str; 2] = ["monitor", "logs"];
/// Commands that have commands of their own.
const GROUPS: [&str; 2] = ["config", "replication"];
const GLOBALS: [&str; 2] = ["--config", "--output"];

/// The document, but with no field that it does not name: readers pass over those that they do not know, tests do not.
fn document() -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(object) => {
                if object.contains_key("properties") {
                    object.entry("additionalProperties").or_insert(json!(false));
                }
                object.values_mut().for_each(close);
            }
            Value::Array(list) => list.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut document: Value = serde_json::from_str(SCHEMA).unwrap();
    close(&mut document["$defs"]);
    document
}

/// Why an object is not what the definition of that name says.
pub(crate) fn mismatch(definition: &str, object: &Value) -> Option<String> {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.add_resource("urn:ha-cli:output:1", document()).unwrap();
    let mut schemas = Schemas::new();
    let place = compiler.compile(&format!("urn:ha-cli:output:1#/$defs/{definition}"), &mut schemas).unwrap();
    schemas.validate(object, place).err().map(|error| error.to_string())
}

/// Whether a command line asks for JSON; `None` also where it asks for help, which is for people.
fn command_of(arguments: &[String]) -> Option<String> {
    let help = ["-h", "--help", "-V", "--version"];
    let json = arguments.windows(2).any(|two| two[0] == "--output" && two[1] == "json")
        || arguments.iter().any(|argument| argument == "--output=json");
    if !json || arguments.iter().any(|argument| help.contains(&argument.as_str())) {
        return None;
    }
    let mut words = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if GLOBALS.contains(&argument.as_str()) {
            rest.next();
        } else if !argument.starts_with('-') {
            words.push(argument.clone());
        }
    }
    words.truncate(if words.first().is_some_and(|first| GROUPS.contains(&first.as_str())) { 2 } else { 1 });
    Some(words.join("-"))
}

/// Looks at what a run printed. One that a signal ended may have printed half of it.
#[track_caller]
pub(crate) fn check(arguments: &[String], out: &str) {
    let Some(command) = command_of(arguments).filter(|command| command != "schema") else { return };
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines.len() == 1 || MANY.contains(&&*command), "{} objects of {arguments:?}: {out}", lines.len());
    for line in lines {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        let definition = ["error", "problems"].into_iter().find(|stands_in| object.get(stands_in).is_some());
        // An empty list of problems is among what `config check` prints.
        let definition = definition.filter(|_| object.get("nodes").is_none()).unwrap_or(&command);
        let mismatch = mismatch(definition, &object);
        assert!(
            mismatch.is_none(),
            "{arguments:?}: not as docs/output.schema.json says: {}: {line}",
            mismatch.unwrap()
        );
    }
}
