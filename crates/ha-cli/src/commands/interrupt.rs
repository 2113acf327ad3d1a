//! Ctrl-c where what was made is taken away first.

use std::time::Duration;

use crate::interrupt::Interrupts;
use crate::output::Printer;

/// What is taken away may wait for an engine or a Keycloak; whoever presses ctrl-c again does not want to.
const HINT_AFTER: Duration = Duration::from_secs(2);

/// Ready at the second ctrl-c. At the first, the work itself begins to take away what it made; where that takes long,
/// `hint` says so.
pub(super) async fn second_interrupt(printer: &Printer, hint: &'static str) {
    let Ok(mut interrupts) = Interrupts::listen() else { return std::future::pending().await };
    interrupts.first().await;
    let hint = async {
        tokio::time::sleep(HINT_AFTER).await;
        printer.note(|page| page.line(hint));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = interrupts.once_more() => {}
        () = hint => {}
    }
}
