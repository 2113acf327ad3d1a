//! The secrets file: read, checked, never quoted.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use ha_core::secrets::Secrets;
use ha_core::values::Secret;
use stringprep::tables::{change_display_properties_or_deprecated, commonly_mapped_to_nothing};
use toml::de::{DeTable, DeValue};

use super::reader::{nearest_word, syntax_problems, type_name};
use super::{access, file};
use crate::diagnostic::{Diagnostic, Source};
use crate::error::Error;

/// The keys of the file, in its order.
pub const SECRET_KEYS: [&str; 6] = [
    "keycloak_db_password",
    "replication_password",
    "probe_password",
    "keycloak_admin_password",
    "keycloak_client_secret",
    "keycloak_bootstrap_secret",
];

/// The fewest characters that a secret may have.
pub const MIN_SECRET_LENGTH: usize = 8;

/// How strictly the file's own rights are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsRules {
    /// Nobody but its owner may reach it, and the owner is who runs this or root.
    Private,
    /// As it came from another host: copying loses rights, and what is installed gets the right ones.
    Copied,
}

/// Whether a text will do as a secret; else what is wrong with it, never the text itself.
///
/// # Errors
/// What is wrong, reading after the secret's name.
pub fn check_secret(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.chars().any(char::is_control) {
        // Files of passwords (pgpass, keycloak.conf) hold one value a line.
        return Err("has a line break or another control character in it");
    }
    // One such in a password is an accident, and SCRAM's implementations do not agree on what is left of it.
    if text.chars().any(|c| commonly_mapped_to_nothing(c) || change_display_properties_or_deprecated(c)) {
        return Err("has an invisible character in it");
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        // Of the database's password, Keycloak trims what it reads.
        return Err("begins or ends with a blank");
    }
    if text.chars().count() < MIN_SECRET_LENGTH {
        return Err("is shorter than 8 characters");
    }
    if text.len() > 1000 {
        return Err("is longer than 1000 bytes");
    }
    Ok(())
}

/// Whether anyone but the owner has any right to a file.
#[must_use]
pub fn exposed_to_others(mode: u32) -> bool {
    mode & 0o077 != 0
}

/// Reads and checks the secrets.
///
/// # Errors
/// Every problem at once; none quotes a line of the file.
pub fn read_secrets(path: &Path, rules: SecretsRules) -> Result<Secrets, Error> {
    let file = match access::open(path) {
        Ok(file) => file,
        Err(_) if matches!(path.try_exists(), Ok(false)) => {
            let source = Arc::new(Source::secret(path, ""));
            let help = "`ha-cli setup` writes it; on a further host, bring both files and run `ha-cli setup --join`";
            return Err(vec![Diagnostic::new(&source, None, "", "does not exist", help)].into());
        }
        Err(error) => return Err(error),
    };
    let text = file::text_of(file::bytes_of(&file, path)?, path, Source::secret)?;
    let source = Arc::new(Source::secret(path, &text));
    let mut problems = match rules {
        SecretsRules::Private => rights(&file, path, &source),
        SecretsRules::Copied => Vec::new(),
    };
    let secrets = parse(&source, &text, &mut problems);
    match secrets {
        Some(secrets) if problems.is_empty() => Ok(secrets),
        _ => Err(problems.into()),
    }
}

/// What is wrong with who may reach the file. Asked of the opened file, so that it cannot be exchanged in between.
fn rights(file: &File, path: &Path, source: &Arc<Source>) -> Vec<Diagnostic> {
    let Ok(metadata) = file.metadata() else {
        return vec![Diagnostic::new(source, None, "", "does not tell who may read it", "check the file system")];
    };
    let mut problems = Vec::new();
    let mode = metadata.mode() & 0o7777;
    if exposed_to_others(mode) {
        let message = format!("can be reached by others (mode {mode:04o})");
        problems.push(Diagnostic::new(source, None, "", message, format!("chmod 600 {}", path.display())));
    }
    let me = rustix::process::geteuid().as_raw();
    // Root can read every file anyway, so a file of root's is as private as one's own.
    if metadata.uid() != me && metadata.uid() != 0 {
        let message = format!("belongs to another user (id {})", metadata.uid());
        problems.push(Diagnostic::new(source, None, "", message, format!("chown {me} {}", path.display())));
    }
    problems
}

fn parse(source: &Arc<Source>, text: &str, problems: &mut Vec<Diagnostic>) -> Option<Secrets> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        problems.extend(syntax_problems(source, text, &errors));
        return None;
    }
    let root = root.get_ref();
    for key in root.keys().filter(|key| !SECRET_KEYS.contains(&key.get_ref().as_ref())) {
        let name = key.get_ref().as_ref();
        let help = match nearest_word(name, &SECRET_KEYS) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("the known keys are {}", SECRET_KEYS.join(", ")),
        };
        problems.push(Diagnostic::new(source, Some(key.span()), name, "is no known key", help));
    }
    let mut take = |key: &str| {
        let mut wrong = |at, message: String| {
            let help = format!("write {key} = \"…\" with {MIN_SECRET_LENGTH} characters or more");
            problems.push(Diagnostic::new(source, at, key, message, help));
            None
        };
        let Some(value) = root.get(key) else { return wrong(None, "is missing".to_owned()) };
        match value.get_ref() {
            DeValue::String(text) => match check_secret(text) {
                Ok(()) => Some(Secret::new(text.as_ref())),
                Err(message) => wrong(Some(value.span()), message.to_owned()),
            },
            other => wrong(Some(value.span()), format!("is {}, not a text", type_name(other))),
        }
    };
    let [db, replication, probe, admin, client, bootstrap] = SECRET_KEYS.map(&mut take);
    Some(Secrets {
        keycloak_db_password: db?,
        replication_password: replication?,
        probe_password: probe?,
        keycloak_admin_password: admin?,
        keycloak_client_secret: client?,
        keycloak_bootstrap_secret: bootstrap?,
    })
}
