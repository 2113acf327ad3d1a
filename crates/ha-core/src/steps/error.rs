//! What can go wrong in a step.

use std::fmt;

use crate::lock::LostLock;
use crate::plan::{Action, PlannedStep};
use crate::ports::{KeycloakError, PostgresError, ProbeError, RuntimeError};
use crate::values::NodeName;

/// The steps of a plan that failed; none where somebody wanted no further ones.
#[derive(Debug, thiserror::Error)]
pub struct RunError {
    /// Each with its cause, in the order in which they failed.
    pub failures: Vec<StepFailure>,
    /// How many steps were not begun.
    pub not_begun: usize,
}

impl RunError {
    /// The steps that failed, in that order.
    #[must_use]
    pub fn failed(&self) -> Vec<&PlannedStep> {
        self.failures.iter().map(|failure| &failure.step).collect()
    }

    /// Whether all was done, and only a proof that people are served has failed.
    #[must_use]
    pub fn is_only_unproven(&self) -> bool {
        let proof = |failure: &StepFailure| matches!(failure.step.action, Action::ProveService);
        self.not_begun == 0 && !self.failures.is_empty() && self.failures.iter().all(proof)
    }
}

impl RunError {
    /// The lock that was lost, where that is why the run ended: then nothing is to be taken back, either.
    #[must_use]
    pub fn lost_lock(&self) -> Option<&LostLock> {
        self.failures.iter().find_map(|failure| match &failure.error {
            StepError::LostLock(lost) => Some(lost),
            _ => None,
        })
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failures.is_empty() {
            return write!(f, "given up before {} of the steps", self.not_begun);
        }
        let steps: Vec<_> = self.failures.iter().map(|failure| failure.step.to_string()).collect();
        write!(f, "failed to {}", steps.join(", to "))
    }
}

/// A step that failed.
#[derive(Debug)]
pub struct StepFailure {
    /// Which.
    pub step: PlannedStep,
    /// Why.
    pub error: StepError,
}

/// Why a step failed. Every text is a fragment that reads after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The engine.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The server's administration.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The server's state.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Keycloak.
    #[error(transparent)]
    Keycloak(#[from] KeycloakError),
    /// A container that does one job ended badly.
    #[error("it ended with code {code}: {message}")]
    Job {
        /// Its exit code.
        code: i64,
        /// The last lines that it wrote.
        message: String,
    },
    /// From this machine there is no way to the node's engine.
    #[error("{0}")]
    NoWay(String),
    /// What was found is not what the plan was made for.
    #[error("{0}")]
    Changed(String),
    /// A standby was told whom to follow, and does not.
    #[error("it does not follow {primary} after {seconds} s: {why}")]
    DoesNotFollow {
        /// The standby.
        node: NodeName,
        /// Whom it was told to follow.
        primary: NodeName,
        /// How long was waited.
        seconds: u64,
        /// What was missing in the end.
        why: String,
    },
    /// Others are not kept out any more; the step was not begun.
    #[error(transparent)]
    LostLock(#[from] LostLock),
    /// The data of a server can neither be started nor taken back.
    #[error("its data is of no use: {0}")]
    Broken(String),
    /// The image cannot be used.
    #[error("the image will not do: {0}")]
    Image(String),
    /// PostgreSQL does not take new settings; nothing was stopped for them.
    #[error("PostgreSQL does not start with the new settings: {0}")]
    Settings(String),
    /// A server did not come up with what is new, and has what it had before.
    #[error("it did not come up with what is new, and runs again with what it had before: {why}\n{log}")]
    PutBack {
        /// Why not.
        why: String,
        /// The last lines of its log then.
        log: String,
    },
    /// Keycloak did not become ready.
    #[error("Keycloak did not become ready: {detail}\n{log}")]
    NotReady {
        /// What it said last, or how it ended.
        detail: String,
        /// The last lines of its log.
        log: String,
    },
}

impl StepError {
    /// What to do, where more can be said than the message does.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Runtime(RuntimeError::PortTaken { port, .. }) => format!(
                "find it with `ss -ltnp 'sport = :{port}'` on that host and stop it, or choose another port in ha.toml"
            ),
            Self::Runtime(RuntimeError::AddressNotThere { address }) => format!(
                "`address` in ha.toml must be one of the host's own (`ip addr` shows them), and {address} is not"
            ),
            Self::Runtime(RuntimeError::NoSpace { .. }) => "make room on that host, then run the same again".to_owned(),
            Self::Runtime(RuntimeError::PullFailed { .. }) => {
                "check the name in [images], the host's way to the registry, or load the image with `docker load`; where the registry \
                 needs a login: `docker login` on this machine, as the user who runs ha-cli".to_owned()
            }
            Self::Runtime(error) if error.is_transient() => {
                "check the host and its engine, then run the same again: it goes on where it stopped".to_owned()
            }
            Self::DoesNotFollow { node, .. } => format!(
                "`ha-cli logs {node} --component postgres` says what keeps it, `ha-cli doctor {node}` tries the way there; it goes on \
                 trying by itself, and `ha-cli health` tells when it streams"
            ),
            Self::LostLock(_) => {
                "nothing further was done, since somebody else may be at work by now: `ha-cli history` tells who, `ha-cli status` how \
                 things stand; when nobody is, run the same again: it goes on where it stopped"
                    .to_owned()
            }
            Self::Settings(_) => {
                "correct it in ha.toml, under [postgres.settings] as a rule: nothing was stopped, and all runs as before".to_owned()
            }
            Self::PutBack { .. } => "correct what its log complains of in ha.toml, then run `ha-cli up` again".to_owned(),
            Self::Image(_) => "name another one in [images] of ha.toml; nothing was made from this one".to_owned(),
            Self::Job { message, .. } if message.contains("No space left on device") => {
                "the host's disk is full; what was copied was removed again: make room, then run the same again".to_owned()
            }
            Self::Job { message, .. } if message.contains("no pg_hba.conf entry") => {
                "the primary does not admit the address this node comes from: add it to `admit` of this node in ha.toml, and \
                 run `ha-cli up` for the primary"
                    .to_owned()
            }
            Self::Job { message, .. } if message.contains("replication slot") && message.contains("does not exist") => {
                "the primary has no replication slot for it: run `ha-cli up` for the primary, then the same again".to_owned()
            }
            Self::Job { message, .. } if message.contains("password authentication failed") => {
                "the secrets file differs from the one the primary was made with".to_owned()
            }
            _ => return None,
        };
        Some(text)
    }
}
