//! Runs the binary as a person or a script does, each time in a folder of its own with an environment of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod completions;
mod config;
mod documents;
mod haproxy;
mod interrupt;
mod join;
mod notify;
mod options;
mod output;
mod schema;
mod screen;
mod secrets;
mod setup;
#[path = "../shared/schema.rs"]
mod shared_schema;
mod signals;
#[path = "../shared/terminal.rs"]
mod terminal;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder in which `ha-cli` runs.
pub(crate) struct Place(tempfile::TempDir);

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    fn of(arguments: &[&str], output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        shared_schema::check(&arguments.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), &ran.out);
        ran
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ha-cli"));
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path().join("home")).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Ran {
        let output = self.command().args(arguments).envs(env.iter().copied()).output().unwrap();
        Ran::of(arguments, output)
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(arguments, child.wait_with_output().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) -> &Self {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }

    pub(crate) fn files(&self) -> Vec<String> {
        files(self.0.path())
    }

    /// Puts good secrets beside a file.
    pub(crate) fn with_secrets(&self) -> &Self {
        self.write("ha.secrets.toml", SECRETS).chmod("ha.secrets.toml", 0o600)
    }
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A pair with nothing wrong.
pub(crate) const GOOD: &str = r#"schema = 1

[cluster]
name = "sso"
public_url = "https://sso.example.org"

[[nodes]]
name = "vm1"
address = "192.0.2.11"
role = "primary"

[[nodes]]
name = "vm2"
address = "192.0.2.12"
role = "standby"
"#;

pub(crate) const SECRETS: &str = r#"keycloak_db_password = "canary-db-1"
replication_password = "canary-replication-2"
probe_password = "canary-probe-3"
keycloak_admin_password = "canary-admin-4"
keycloak_client_secret = "canary-client-5"
keycloak_bootstrap_secret = "canary-bootstrap-6"
"#;
