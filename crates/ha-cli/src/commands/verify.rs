//! `verify`: proves that data arrives, and removes what it made, also when interrupted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ha_core::ports::KeycloakError;
use ha_core::values::ClusterName;
use ha_core::verify::{Verification, VerifyError, VerifyReport};
use ha_docker::TokioClock;
use rand::distr::{Distribution, Uniform};
use serde_json::{Value, json};

use super::interrupt::second_interrupt;
use crate::cli::{Globals, OutputFormat};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::interrupt::interrupted;
use crate::output::{Page, Printer, Report, Tone, size};

/// Removing a realm takes a second, three on a busy host.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn run(globals: &Globals, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let verification = Verification::new(unix_seconds, &random());
    printer.note(|page| {
        page.line("a realm and a user are made on the primary, looked for on every standby, and removed …")
    });
    let clock = TokioClock::start();
    let stop = interrupted();
    let work = async {
        let result = verification.run_until(&cluster, &clock, stop).await;
        // Whatever became of it.
        let removed = tokio::time::timeout(CLEAN_UP_LIMIT, verification.clean_up(&cluster)).await;
        (result, removed)
    };
    let left = left_behind(verification.realm());
    let (result, removed) = tokio::select! {
        ended = work => ended,
        () = second_interrupt(printer, "removing the realm that was made; ctrl-c again leaves it …") => {
            return Err(Failure::interrupted(left).into());
        }
    };
    let removed = match removed {
        Ok(removed) => removed.map_err(Into::into),
        Err(_) => Err(format!("not within {} s", CLEAN_UP_LIMIT.as_secs()).into()),
    };
    match (result, removed) {
        (Ok(Some(report)), removed) => {
            // A program gets one object: that of the failure, where the realm is left.
            if removed.is_ok() || printer.format() == OutputFormat::Human {
                printer.report(&Verified { cluster: &cluster.topology().cluster.name, report: &report })?;
            }
            let realm = &report.realm;
            removed.map(|()| Outcome::Done).map_err(|error: Cause| {
                let message = format!("the realm {realm} was proven and could not be removed");
                Failure::failed("verify-clean-up", message).because(error).help(left).into()
            })
        }
        (Ok(None), Ok(())) => Err(Failure::interrupted("nothing was left behind").into()),
        (Ok(None), Err(error)) => Err(Failure::interrupted(left).because(error).into()),
        (Err(error), removed) => {
            let health = help(&error);
            let help = if removed.is_ok() { health.to_owned() } else { format!("{health}; {left}") };
            let failure = Failure::failed("verify", "the cluster did not do what was to be proven");
            Err(failure.because(error).help(help).into())
        }
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What there may be now, and who takes it away.
fn left_behind(realm: &str) -> String {
    format!(
        "the realm {realm} may be left: remove it in the primary's admin console, or let `ha-cli verify` do so, which removes \
         what is older than ten minutes"
    )
}

/// Why the service client could not do it, `health` tells, and whether `up` mends that.
fn help(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::Write { source: KeycloakError::Denied { .. }, .. } => {
            "ha-cli's own client is of no use: `ha-cli health` says why, and what mends it; where it finds nothing, a setting of the \
             realm \"master\" is in its way"
        }
        _ => "`ha-cli health` says what is wrong",
    }
}

/// 40 characters that a realm's name takes.
fn random() -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let places = Uniform::new(0, alphabet.len()).expect("the alphabet is not empty");
    let mut rng = rand::rng();
    (0..40).map(|_| char::from(alphabet[places.sample(&mut rng)])).collect()
}

struct Verified<'a> {
    cluster: &'a ClusterName,
    report: &'a VerifyReport,
}

impl Report for Verified<'_> {
    fn human(&self, page: &mut Page) {
        let report = self.report;
        let good = page.tone(Tone::Good, "✓");
        page.line(format!(
            "{good} {}: realm, client and user written through its Keycloak in {:.2} s",
            report.primary, report.written_seconds
        ));
        for standby in &report.standbys {
            page.line(format!("{good} {}: in its PostgreSQL after {:.3} s", standby.node, standby.postgres_seconds));
            page.line(format!(
                "{good} {}: served by its Keycloak after {:.3} s",
                standby.node, standby.keycloak_seconds
            ));
            page.line(format!(
                "{good} {}: the user logged in there, in {:.2} s; {} not yet replayed",
                standby.node,
                standby.login_seconds,
                size(standby.lag_bytes)
            ));
        }
    }

    fn json(&self) -> Value {
        let mut value = serde_json::to_value(self.report).unwrap_or_default();
        value["schema"] = json!(1);
        value["cluster"] = json!(self.cluster);
        value
    }
}
