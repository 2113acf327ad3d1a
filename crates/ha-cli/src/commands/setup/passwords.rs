//! The secrets of a new cluster: given, kept, or made up.

use std::io::Read;
use std::path::Path;

use ha_core::secrets::Secrets;
use ha_core::values::{ClusterId, Secret};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::cli::SetupArgs;
use crate::config::check_secret;
use crate::error::{Error, Failure};

/// What a person chose instead of having it made up.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) database: Option<Secret>,
    pub(super) replication: Option<Secret>,
    pub(super) admin: Option<Secret>,
}

/// Reads what options and the environment give. Never from the command line itself, which every user of a machine sees.
pub(super) fn given(args: &SetupArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<Given, Error> {
    let sources = [
        ("--database-password-file", "HA_DATABASE_PASSWORD", args.database_password_file.as_deref()),
        ("--replication-password-file", "HA_REPLICATION_PASSWORD", args.replication_password_file.as_deref()),
        ("--admin-password-file", "HA_ADMIN_PASSWORD", args.admin_password_file.as_deref()),
    ];
    if sources.iter().filter(|(_, _, file)| *file == Some(Path::new("-"))).count() > 1 {
        let message = "standard input can give one password only, and more than one option asks for it";
        return Err(Failure::usage("password", message).help("use files for the others").into());
    }
    let [database, replication, admin] = sources.map(|(option, variable, file)| one(option, variable, file, env));
    Ok(Given { database: database?, replication: replication?, admin: admin? })
}

fn one(
    option: &str,
    variable: &str,
    file: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Secret>, Error> {
    let (from, text) = match file {
        Some(path) => {
            let text = read(path).map_err(|error| {
                let message = format!("the password of {option} could not be read from {}", path.display());
                Error::from(Failure::usage("password", message).because(error))
            })?;
            (option, text)
        }
        None => match env(variable).filter(|text| !text.is_empty()) {
            Some(text) => (variable, text),
            None => return Ok(None),
        },
    };
    match check_secret(&text) {
        Ok(()) => Ok(Some(Secret::new(text))),
        Err(what) => {
            let failure = Failure::usage("password", format!("the password of {from} {what}"));
            Err(failure.help("one line of 8 characters or more").into())
        }
    }
}

/// One line; the line break that editors and `echo` put at its end is no part of it.
fn read(path: &Path) -> std::io::Result<String> {
    const MOST: u64 = 4096;
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MOST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(MOST).read_to_string(&mut text)?;
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// All secrets: the given ones, else those of the file that is replaced (the database knows them already), else new ones.
pub(super) fn complete(given: Given, kept: Option<Secrets>) -> Result<Secrets, Error> {
    let mut secrets = match kept {
        Some(kept) => kept,
        None => Secrets {
            keycloak_db_password: generate()?,
            replication_password: generate()?,
            probe_password: generate()?,
            keycloak_admin_password: generate()?,
            keycloak_client_secret: generate()?,
            keycloak_bootstrap_secret: generate()?,
        },
    };
    if let Some(secret) = given.database {
        secrets.keycloak_db_password = secret;
    }
    if let Some(secret) = given.replication {
        secrets.replication_password = secret;
    }
    if let Some(secret) = given.admin {
        secrets.keycloak_admin_password = secret;
    }
    Ok(secrets)
}

/// An id for a new cluster.
pub(super) fn draw_id() -> Result<ClusterId, Error> {
    let mut bytes = [0u8; 8];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| Failure::failed("random", "the system gave no random numbers").because(error))?;
    Ok(ClusterId::from_random(bytes))
}

const LENGTH: usize = 32;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// 32 letters and digits from the operating system's generator: 190 bits, safe in URLs, shells and every file.
fn generate() -> Result<Secret, Error> {
    let mut text = String::with_capacity(LENGTH);
    // A round yields some 62 of the 32 that are wanted, so the limit is never reached by chance.
    for _ in 0..16 {
        let mut bytes = [0u8; 64];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| Failure::failed("random", "the system gave no random numbers").because(error))?;
        // Above the largest multiple of 62, some letters would come more often than others.
        let letters = bytes.iter().filter(|byte| **byte < 248).map(|byte| LETTERS[usize::from(*byte % 62)] as char);
        text.extend(letters.take(LENGTH - text.len()));
        if text.len() == LENGTH {
            return Ok(Secret::new(text));
        }
    }
    Err(Failure::failed("random", "the system's random numbers are not random").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn made_up_passwords_are_long_plain_and_never_the_same() {
        let made: Vec<Secret> = (0..50).map(|_| generate().unwrap()).collect();
        for (index, secret) in made.iter().enumerate() {
            assert_eq!(secret.expose().len(), 32);
            assert!(secret.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(!made[..index].contains(secret));
        }
    }

    #[test]
    fn a_file_comes_before_the_environment_and_loses_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, "from a file\r\n").unwrap();
        let args = SetupArgs { database_password_file: Some(path), ..SetupArgs::default() };
        let env = |name: &str| (name != "HA_ADMIN_PASSWORD").then(|| "from the environment".to_owned());
        let given = given(&args, &env).unwrap();
        assert_eq!(given.database.unwrap().expose(), "from a file");
        assert_eq!(given.replication.unwrap().expose(), "from the environment");
        assert!(given.admin.is_none());
    }

    #[test]
    fn bad_passwords_are_refused_without_being_shown() {
        for bad in ["xq7", "two\nlines of text", "nul\0in the middle"] {
            let error = given(&SetupArgs::default(), &|_| Some(bad.to_owned())).unwrap_err();
            let Error::Failure(failure) = error else { panic!("{error:?}") };
            assert!(failure.message.contains("HA_DATABASE_PASSWORD"), "{}", failure.message);
            assert!(!format!("{failure:?}").contains(bad), "{failure:?}");
        }
    }

    #[test]
    fn standard_input_gives_one_password() {
        let dash = Some("-".into());
        let args =
            SetupArgs { database_password_file: dash.clone(), admin_password_file: dash, ..SetupArgs::default() };
        assert!(given(&args, &none).is_err());
    }

    #[test]
    fn secrets_of_a_replaced_file_stay_where_no_other_is_given() {
        let old = complete(Given::default(), None).unwrap();
        let given = Given { admin: Some(Secret::new("another one")), ..Given::default() };
        let new = complete(given, Some(old.clone())).unwrap();
        assert_eq!(new.keycloak_db_password, old.keycloak_db_password);
        assert_eq!(new.keycloak_admin_password.expose(), "another one");
    }
}
