//! From what drivers, servers and kernels report to the port's errors. Codes decide, texts are passed on.

use std::io;
use std::time::Duration;

use ha_core::ports::ProbeError;

use crate::proven::Unproven;

/// The probe's question, for errors: whom it was put to, as whom, and with what patience.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) role: &'a str,
    pub(crate) limit: Duration,
}

impl Asked<'_> {
    pub(crate) fn timed_out(self) -> ProbeError {
        ProbeError::TimedOut { endpoint: self.endpoint.to_owned(), after: self.limit }
    }

    pub(crate) fn other(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProbeError {
        ProbeError::Other { endpoint: self.endpoint.to_owned(), source: source.into() }
    }

    fn not_ready(self, message: impl Into<String>) -> ProbeError {
        ProbeError::NotReady { endpoint: self.endpoint.to_owned(), message: message.into() }
    }

    /// A server's error, by its SQLSTATE (PostgreSQL 17, appendix A).
    pub(crate) fn server(self, sqlstate: &str, message: &str) -> ProbeError {
        let endpoint = self.endpoint.to_owned();
        match sqlstate {
            // Starting up, shutting down, in recovery without hot standby; admin_shutdown and crash_shutdown tell
            // the same to whoever was connected.
            "57P03" | "57P01" | "57P02" => self.not_ready(message),
            "28000" => ProbeError::NotAdmitted { endpoint, message: message.to_owned() },
            "28P01" => ProbeError::WrongPassword { endpoint, role: self.role.to_owned() },
            _ => ProbeError::Server { endpoint, sqlstate: sqlstate.to_owned(), message: message.to_owned() },
        }
    }

    /// What came of opening a TCP connection.
    pub(crate) fn connecting(self, error: io::Error) -> ProbeError {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => ProbeError::ConnectionRefused { endpoint: self.endpoint.to_owned() },
            io::ErrorKind::TimedOut => self.timed_out(),
            _ => ProbeError::Unreachable { endpoint: self.endpoint.to_owned(), source: error.into() },
        }
    }

    /// What came of logging in.
    pub(crate) fn logging_in(self, error: tokio_postgres::Error) -> ProbeError {
        match Unproven::of(&error) {
            Some(why) => ProbeError::Unproven { endpoint: self.endpoint.to_owned(), message: why.to_string() },
            None => self.talking(error),
        }
    }

    /// What came over an open connection.
    pub(crate) fn talking(self, error: tokio_postgres::Error) -> ProbeError {
        if let Some(db) = error.as_db_error() {
            return self.server(db.code().code(), db.message());
        }
        let io_kind =
            std::error::Error::source(&error).and_then(|s| s.downcast_ref::<io::Error>()).map(io::Error::kind);
        match io_kind {
            Some(io::ErrorKind::TimedOut) => self.timed_out(),
            // Docker's port proxy accepts while the server behind it does not listen yet, and a server that goes
            // down cuts its connections.
            _ if is_cut(&error) => self.not_ready("it closed the connection without an answer"),
            _ => self.other(error),
        }
    }
}

/// Whether the other side closed the connection without saying why.
pub(crate) fn is_cut(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    error.is_closed()
        || source.is_some_and(|source| {
            matches!(
                source.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked { endpoint: "192.0.2.1:5432", role: "ha_probe", limit: Duration::from_secs(2) };

    fn name(error: &ProbeError) -> &'static str {
        match error {
            ProbeError::ConnectionRefused { .. } => "refused",
            ProbeError::TimedOut { .. } => "timed out",
            ProbeError::Unreachable { .. } => "unreachable",
            ProbeError::NotReady { .. } => "not ready",
            ProbeError::NotAdmitted { .. } => "not admitted",
            ProbeError::WrongPassword { .. } => "wrong password",
            ProbeError::Server { .. } => "server",
            _ => "other",
        }
    }

    #[test]
    fn a_sqlstate_decides_whatever_the_language_of_the_message() {
        for (sqlstate, expected) in [
            ("57P03", "not ready"),
            ("57P01", "not ready"),
            ("57P02", "not ready"),
            ("28000", "not admitted"),
            ("28P01", "wrong password"),
            ("3D000", "server"),
            ("53300", "server"),
            ("42501", "server"),
        ] {
            assert_eq!(name(&ASKED.server(sqlstate, "das Datenbanksystem startet")), expected, "{sqlstate}");
        }
    }

    #[test]
    fn a_refused_connection_is_told_from_no_way() {
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, "refused"),
            (io::ErrorKind::HostUnreachable, "unreachable"),
            (io::ErrorKind::NetworkUnreachable, "unreachable"),
            (io::ErrorKind::PermissionDenied, "unreachable"),
            (io::ErrorKind::TimedOut, "timed out"),
        ] {
            assert_eq!(name(&ASKED.connecting(kind.into())), expected, "{kind:?}");
        }
    }
}
