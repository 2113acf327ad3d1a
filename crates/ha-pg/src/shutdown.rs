//! A session that sees its server's end as it happens.
//!
//! The engine tells of an exit only once it has cleared up after the container, networks above all: a tenth of a second in
//! which nobody takes writes. The server's control file tells of it before, and a program in the same container is
//! ended by the kernel together with the server, which is the container's first process.

use std::time::{Duration, Instant};

use ha_core::layout::PGDATA;
use ha_core::observe::{CONTROL_FILE, ControlFile, ControlState};
use ha_core::ports::{ContainerRuntime, ExecSession, ExecSpec, PostgresError, RuntimeError};

/// At each line that it is told, the pause between two looks, looks ten times at the control file and says `running`; once the
/// file's state (`DBState`, four bytes at 16) is `DB_SHUTDOWNED`, prints what it holds. Then it waits for the server's own end, or
/// for that of whoever asks, at which it ends in any case.
///
/// The state is there for some 20 ms before the server is gone, and this program with it: each look is two programs and no more.
const SCRIPT: &str = r#"
while read -r pause; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        control=$(od -An -v -tx1 -N512 "$1" | tr -d ' \n')
        case $control in
        ????????????????????????????????01000000*)
            echo "$control"
            while read -r _; do :; done
            exit 0
            ;;
        esac
        [ "$pause" = 0 ] || sleep "$pause"
    done
    echo running
done
"#;
/// A shutdown takes a tenth of a second; one that takes longer waits for somebody, and is looked at in peace.
const SOON: Duration = Duration::from_secs(1);

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
        let begun = Instant::now();
        let deadline = begun + timeout;
        // One ahead, so that it goes on looking while the answer is on its way.
        self.session.write_line("0").await?;
        let told = loop {
            self.session.write_line(if begun.elapsed() < SOON { "0" } else { "0.02" }).await?;
            let told = self.session.read_line(deadline.saturating_duration_since(Instant::now())).await?;
            match told.as_deref() {
                Some("running") if Instant::now() < deadline => {}
                _ => break told.unwrap_or_default(),
            }
        };
        let control = bytes(&told)
            .and_then(|bytes| ControlFile::parse(&bytes).ok())
            .filter(|control| control.state == ControlState::ShutDown)
            .ok_or_else(|| unexpected(format!("its control file was not read: {told:?}")))?;
        // From here on the program reads to the end of its input, which is held open: only its container's end ends it.
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
