//! `explain`: what would happen if a node died now.

use ha_core::health::Report as Health;
use serde_json::{Value, json};

use crate::cli::Globals;
use crate::connect::{Purpose, connect};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone};

pub(super) async fn run(globals: &Globals, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    let health = cluster.report().await;
    printer.report(&Explanation { health: &health })?;
    Ok(super::status::outcome(health.state))
}

struct Explanation<'a> {
    health: &'a Health,
}

impl Report for Explanation<'_> {
    fn human(&self, page: &mut Page) {
        if self.health.outlook.is_empty() {
            page.line("there is not exactly one primary: the service is in trouble already");
            crate::output::findings(page, &self.health.findings);
            return;
        }
        for outlook in &self.health.outlook {
            page.line(&outlook.text);
            if let Some(hand) = &outlook.hand {
                let hand = page.tone(Tone::Faint, format!("  by hand: {hand}"));
                page.line(hand);
            }
        }
    }

    fn json(&self) -> Value {
        json!({
            "schema": 1, "cluster": self.health.cluster, "state": self.health.state, "outlook": self.health.outlook,
        })
    }
}
