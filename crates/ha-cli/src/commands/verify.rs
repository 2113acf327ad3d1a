//! `verify`: proves that data arrives, and removes what it made, also when interrupted.

use std::time::{SystemTime, UNIX_EPOCH};

use ha_core::verify::{Verification, VerifyReport};
use ha_docker::TokioClock;
use rand::distr::{Distribution, Uniform};
use serde_json::{Value, json};

use crate::cli::Globals;
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone, size};

pub(super) async fn run(globals: &Globals, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let verification = Verification::new(unix_seconds, &random());
    printer.note(|page| {
        page.line("a realm and a user are made on the primary, looked for on every standby, and removed …")
    });
    let clock = TokioClock::start();
    let result = super::plan::interruptible(verification.run(&cluster, &clock)).await;
    // Whatever became of it; a second ctrl-c gives up on that, too, and the next `verify` removes it.
    let removed = super::plan::interruptible(verification.clean_up(&cluster)).await;
    let report = match result? {
        Ok(report) => report,
        Err(error) => {
            return Err(Failure::failed("verify", "the cluster did not do what was to be proven")
                .because(error)
                .help("`ha-cli health` says what is wrong")
                .into());
        }
    };
    printer.report(&Verified(&report))?;
    match removed? {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => Err(Failure::failed(
            "verify-clean-up",
            format!("the realm {} was proven and could not be removed", report.realm),
        )
        .because(error)
        .help("the next `ha-cli verify` removes it")
        .into()),
    }
}

/// 40 characters that a realm's name takes.
fn random() -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let places = Uniform::new(0, alphabet.len()).expect("the alphabet is not empty");
    let mut rng = rand::rng();
    (0..40).map(|_| char::from(alphabet[places.sample(&mut rng)])).collect()
}

struct Verified<'a>(&'a VerifyReport);

impl Report for Verified<'_> {
    fn human(&self, page: &mut Page) {
        let report = self.0;
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
        let mut value = serde_json::to_value(self.0).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("schema".to_owned(), json!(1));
        }
        value
    }
}
