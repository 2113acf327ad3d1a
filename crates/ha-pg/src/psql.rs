//! Running SQL inside a server's container: `psql` on the local socket, the script on its standard input.

use std::fmt::Write as _;
use std::time::Duration;

use ha_core::layout::conninfo_value;
use ha_core::ports::{ContainerRuntime, DatabaseLogin, ExecOutput, ExecSpec, RuntimeError};

/// Used by [`enter`] and [`log_in`].
const ENTER: &str = include_str!("enter.sql");

/// Settings of each session, effective before its first statement, whatever was given to its database or role.
///
/// Nothing waits for a standby, which may not be there yet. No object of somebody's own can take the place of a function that
/// is called.
const SESSION: &[(&str, &str)] = &[
    ("role", "none"),
    ("search_path", "pg_catalog"),
    ("local_preload_libraries", ""),
    ("row_security", "on"),
    ("synchronous_commit", "local"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
    ("idle_in_transaction_session_timeout", "0"),
    ("idle_session_timeout", "0"),
    ("standard_conforming_strings", "on"),
    ("DateStyle", "ISO"),
    ("bytea_output", "hex"),
    ("client_min_messages", "warning"),
    ("lock_timeout", "10s"),
];

/// What only a superuser may set. Nothing of a statement reaches the server's log, also not when it fails: it may carry a
/// password's verifier.
const OF_SUPERUSER: &[(&str, &str)] = &[
    ("lc_messages", "C"),
    ("session_replication_role", "origin"),
    ("log_statement", "none"),
    ("log_duration", "off"),
    ("log_min_duration_statement", "-1"),
    ("log_min_duration_sample", "-1"),
    ("log_min_error_statement", "panic"),
];

/// The database superuser, and the operating system's user that may become it without a password.
const SUPERUSER: &str = "postgres";

/// Why a script did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PsqlError {
    /// The engine did not do its part.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The server refused a statement.
    #[error("{sqlstate}: {message}")]
    Server { sqlstate: String, message: String },
    /// The server runs and takes no connections: starting or stopping.
    #[error("{0}")]
    Rejecting(String),
    /// No server answers on the socket.
    #[error("{0}")]
    NoServer(String),
    /// Anything else that `psql` said.
    #[error("psql ended with code {code}: {message}")]
    Failed { code: i64, message: String },
}

/// Runs a script in a database and returns what it printed.
pub(crate) async fn run(
    runtime: &dyn ContainerRuntime,
    container: &str,
    database: &str,
    script: &str,
    timeout: Duration,
) -> Result<String, PsqlError> {
    exec(runtime, container, &psql(database, script, timeout), timeout).await
}

/// Runs one that only looks, and that sees the server's own `synchronous_commit`.
pub(crate) async fn look(
    runtime: &dyn ContainerRuntime,
    container: &str,
    database: &str,
    script: &str,
    timeout: Duration,
) -> Result<String, PsqlError> {
    let mut spec = psql(database, script, timeout);
    let settings = SESSION.iter().chain(OF_SUPERUSER).filter(|(name, _)| *name != "synchronous_commit");
    spec.environment.insert("PGOPTIONS".to_owned(), options(settings, timeout));
    exec(runtime, container, &spec, timeout).await
}

async fn exec(
    runtime: &dyn ContainerRuntime,
    container: &str,
    spec: &ExecSpec,
    timeout: Duration,
) -> Result<String, PsqlError> {
    let started = std::time::Instant::now();
    let output = runtime.exec(container, spec, timeout).await?;
    let message = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.exit_code {
        0 => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        // psql 17, "Exit Status": 2 is a connection that could not be made or went bad, 3 an error in the script.
        2 => {
            let left = timeout.saturating_sub(started.elapsed());
            Err(no_connection(runtime, container, message(), left).await)
        }
        code => Err(script_error(&message()).unwrap_or_else(|| PsqlError::Failed { code, message: message() })),
    }
}

/// A `psql` that takes statements one after the other, each in a line, and gives its answers as they come.
pub(crate) fn session(database: &str, statement_limit: Duration) -> ExecSpec {
    ExecSpec { stdin: None, ..psql(database, "", statement_limit) }
}

/// Settings as `PGOPTIONS` takes them: a backslash takes the meaning from a blank.
fn options<'a>(settings: impl Iterator<Item = &'a (&'a str, &'a str)>, statement_limit: Duration) -> String {
    let mut options = format!("-c statement_timeout={}", statement_limit.as_millis().max(1));
    for (name, value) in settings {
        write!(options, " -c {name}={}", value.replace(' ', "\\ ")).expect("a String takes everything");
    }
    options
}

/// The lines by which a script leaves the superuser's own database for another one, still as the superuser: nothing of that
/// database may be named or read after them.
pub(crate) fn enter(database: &str, statement_limit: Duration) -> String {
    let login = format!("dbname={} user={SUPERUSER}", conninfo_value(database));
    let options = options(SESSION.iter().chain(OF_SUPERUSER), statement_limit);
    set("db", database) + &set("role", SUPERUSER) + &set("login", &login) + &set("options", &options) + ENTER
}

/// The lines by which a script goes on as a role that has logged in with its password, which stays in `psql`: the server gets
/// the usual proof.
pub(crate) fn log_in(login: &DatabaseLogin, statement_limit: Duration) -> String {
    let DatabaseLogin { database, role, password } = login;
    let conninfo = format!(
        "host=127.0.0.1 port=5432 dbname={} user={} password={} connect_timeout=10",
        conninfo_value(database),
        conninfo_value(role),
        conninfo_value(password.expose())
    );
    let options = options(SESSION.iter(), statement_limit);
    set("db", database) + &set("role", role) + &set("login", &conninfo) + &set("options", &options) + ENTER
}

fn psql(database: &str, script: &str, timeout: Duration) -> ExecSpec {
    let options = options(SESSION.iter().chain(OF_SUPERUSER), timeout);
    let argv =
        ["psql", "-X", "-A", "-t", "-q", "-w", "-U", SUPERUSER, "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"];
    let environment = [
        ("PGOPTIONS", options.as_str()),
        // Not `-d`, which takes a name with `=` in it for a connection string.
        ("PGDATABASE", database),
        ("PGAPPNAME", "ha-cli"),
        ("PGCLIENTENCODING", "UTF8"),
        ("LC_ALL", "C"),
    ];
    ExecSpec {
        argv: argv.map(str::to_owned).to_vec(),
        user: Some(SUPERUSER.to_owned()),
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        stdin: Some(script.as_bytes().to_vec()),
    }
}

/// psql prints no SQLSTATE for a connection that failed; `pg_isready` tells by its exit code what the server is at.
async fn no_connection(
    runtime: &dyn ContainerRuntime,
    container: &str,
    message: String,
    timeout: Duration,
) -> PsqlError {
    let ask = ExecSpec {
        argv: ["pg_isready", "-q", "-U", SUPERUSER, "-d", "postgres"].map(str::to_owned).to_vec(),
        user: Some(SUPERUSER.to_owned()),
        ..ExecSpec::default()
    };
    match runtime.exec(container, &ask, timeout).await {
        Ok(ExecOutput { exit_code: 1, .. }) => PsqlError::Rejecting(message),
        Ok(ExecOutput { exit_code: 2, .. }) => PsqlError::NoServer(message),
        Ok(_) => PsqlError::Failed { code: 2, message },
        Err(error) => PsqlError::Runtime(error),
    }
}

/// Finds `ERROR:  55000: recovery is not in progress` in what psql printed with `VERBOSITY=verbose`.
fn script_error(stderr: &str) -> Option<PsqlError> {
    let (sqlstate, mut message) = stderr.lines().find_map(|line| {
        let (sqlstate, message) = line.split_once(":  ")?.1.split_once(": ")?;
        let is_code = sqlstate.len() == 5 && sqlstate.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        is_code.then(|| (sqlstate.to_owned(), message.to_owned()))
    })?;
    for more in stderr.lines().filter_map(|line| line.strip_prefix("DETAIL:  ").or(line.strip_prefix("HINT:  "))) {
        message.push_str(" (");
        message.push_str(more);
        message.push(')');
    }
    Some(PsqlError::Server { sqlstate, message })
}

/// The lines that set a psql variable to any text, to be used as `:'name'` or `:"name"`, which psql quotes.
///
/// A backslash command ends with its line and knows C's escapes within quotes (psql 17, "Meta-Commands").
pub(crate) fn set(name: &str, value: &str) -> String {
    let mut line = format!("\\set {name} '");
    for c in value.chars() {
        match c {
            '\'' => line.push_str("\\'"),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            other => line.push(other),
        }
    }
    line.push_str("'\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_core::ports::MockContainerRuntime;

    fn output(exit_code: i64, stderr: &str) -> ExecOutput {
        ExecOutput { exit_code, stdout: Vec::new(), stderr: stderr.as_bytes().to_vec() }
    }

    async fn run_with(answers: &'static [(&'static str, i64, &'static str)]) -> PsqlError {
        let mut runtime = MockContainerRuntime::new();
        for &(program, code, stderr) in answers {
            runtime
                .expect_exec()
                .withf(move |_, exec, _| exec.argv[0] == program)
                .once()
                .returning(move |_, _, _| Ok(output(code, stderr)));
        }
        run(&runtime, "db", "postgres", "SELECT 1", Duration::from_secs(1)).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_refused_statement_keeps_its_code() {
        let error =
            run_with(&[("psql", 3, "ERROR:  55000: recovery is not in progress\nHINT:  x\nLOCATION:  f, a.c:1")]);
        match error.await {
            PsqlError::Server { sqlstate, message } => {
                assert_eq!((sqlstate.as_str(), message.as_str()), ("55000", "recovery is not in progress (x)"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_code_of_pg_isready_tells_what_a_failed_connection_means() {
        assert!(matches!(run_with(&[("psql", 2, "x"), ("pg_isready", 1, "")]).await, PsqlError::Rejecting(_)));
        assert!(matches!(run_with(&[("psql", 2, "x"), ("pg_isready", 2, "")]).await, PsqlError::NoServer(_)));
        assert!(matches!(run_with(&[("psql", 2, "x"), ("pg_isready", 0, "")]).await, PsqlError::Failed { .. }));
    }

    #[test]
    fn nothing_but_the_script_carries_the_script() {
        let exec = psql("keycloak", "\\set verifier 'SCRAM-SHA-256$secret'", Duration::from_secs(1));
        assert!(!format!("{:?} {:?}", exec.argv, exec.environment).contains("SCRAM"));
    }

    #[test]
    fn a_variable_takes_any_text() {
        assert_eq!(set("x", "o'ne\\two\nthree`:y"), "\\set x 'o\\'ne\\\\two\\nthree`:y'\n");
    }
}
