//! Ctrl-c where not everything may simply be dropped.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::output::Printer;

/// What is taken away may wait for an engine or a Keycloak; whoever presses ctrl-c again does not want to.
const HINT_AFTER: Duration = Duration::from_secs(2);

/// Whoever wants the program to end: ctrl-c, a terminal that is closed, a service manager. Listened for from when it is made, so
/// that none is missed between two looks; as long as the process lives, none of these ends it at once any more.
pub(super) struct Interrupts([Signal; 3]);

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system does not let it.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    /// Ready at the next of them that has not been taken yet.
    pub(super) async fn next(&mut self) {
        poll_fn(|context| {
            let mut came = false;
            // All are polled: each has to know whom to wake.
            for signal in &mut self.0 {
                came |= signal.poll_recv(context).is_ready();
            }
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Ready at the second ctrl-c. At the first, the work itself begins to take away what it made; where that takes long,
/// `hint` says so.
pub(super) async fn second_interrupt(printer: &Printer, hint: &'static str) {
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return std::future::pending().await };
    interrupt.recv().await;
    let hint = async {
        tokio::time::sleep(HINT_AFTER).await;
        printer.note(|page| page.line(hint));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        () = hint => {}
    }
}
