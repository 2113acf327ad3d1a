//! A session that sees its server's end as it happens.
//!
//! The engine tells of an exit only once it has cleared up after the container, networks above all: a tenth of a second in
//! which nobody takes writes. The server's control file tells of it before, and a program in the same container is
//! ended by the kernel together with the server, which is the container's first process.

use std::time::Duration;

use ha_core::layout::PGDATA;
use ha_core::observe::{CONTROL_FILE, ControlFile, ControlState};
use ha_core::ports::{ContainerRuntime, ExecSession, ExecSpec, PostgresError, RuntimeError};

/// Told to by a line, looks at the control file until its state (`DBState`, four bytes at 16) is `DB_SHUTDOWNED`, and prints
/// what it holds. Then it waits for the server's own end, or for that of whoever asked.
const SCRIPT: &str = r#"
read -r _ || exit 0
left=6000
until [ "$(od -An -tu4 -j16 -N4 "$1" | tr -d ' ')" = 1 ]; do
    left=$((left - 1))
    [ $left -gt 0 ] || exit 1
    sleep 0.003
done
od -An -v -tx1 -N512 "$1" | tr -d ' \n'
echo
read -r _ || :
"#;

/// From the shutdown checkpoint to the server's exit: its walsenders see to it that their standbys have everything.
const EXIT_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct ShutdownWatch {
    session: Box<dyn ExecSession>,
}

impl ShutdownWatch {
    pub(crate) async fn open(runtime: &dyn ContainerRuntime, container: &str) -> Result<Self, PostgresError> {
        let file = format!("{PGDATA}/{CONTROL_FILE}");
        let argv = ["/bin/sh", "-c", SCRIPT, "sh", &file].map(str::to_owned).to_vec();
        let exec = ExecSpec { argv, user: Some("postgres".to_owned()), ..ExecSpec::default() };
        Ok(Self { session: runtime.open_exec(container, &exec).await? })
    }

    /// Returns what the server left of itself once it has been shut down in an orderly way and is gone.
    pub(crate) async fn ended(mut self, timeout: Duration) -> Result<ControlFile, PostgresError> {
        self.session.write_line("look").await?;
        let told = self.session.read_line(timeout).await?.unwrap_or_default();
        let control = bytes(&told)
            .and_then(|bytes| ControlFile::parse(&bytes).ok())
            .filter(|control| control.state == ControlState::ShutDown)
            .ok_or_else(|| unexpected(format!("its control file was not read: {told:?}")))?;
        match self.session.read_line(EXIT_LIMIT).await? {
            None => Ok(control),
            Some(line) => Err(unexpected(format!("the session said {line:?}"))),
        }
    }
}

fn unexpected(message: String) -> PostgresError {
    RuntimeError::Invalid { message }.into()
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_od_prints() {
        assert_eq!(bytes("00ff7f"), Some(vec![0, 255, 127]));
        assert_eq!(bytes("0g"), None);
        assert_eq!(bytes(""), Some(vec![]));
    }
}
