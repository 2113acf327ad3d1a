//! Ctrl-c, and what means the same: a terminal that is closed (SIGHUP), a service manager that ends the program (SIGTERM).

use std::future::{pending, poll_fn};
use std::io;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whoever wants the program to end. Listened for from when it is made, so that none is missed between two looks; as long as the
/// process lives, none of these ends it at once any more. A closed terminal is nothing to one that was started by `nohup`.
pub(crate) struct Interrupts {
    /// Somebody asks.
    asked: [Signal; 2],
    /// The terminal is gone, which its shell and the system may tell one after the other.
    hung_up: Option<Signal>,
    /// Somebody has asked already.
    told: bool,
}

impl Interrupts {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system does not let it.
    pub(crate) fn listen() -> io::Result<Self> {
        let asked = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let hung_up = if outlives_its_terminal() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { asked, hung_up, told: false })
    }

    /// Ready at the next of them that has not been taken yet.
    pub(crate) async fn first(&mut self) {
        poll_fn(|context| {
            // All are polled: each has to know whom to wake.
            let hung_up = self.hung_up.as_mut().is_some_and(|signal| signal.poll_recv(context).is_ready());
            let asked = self.came(context);
            self.told |= asked;
            if asked || hung_up { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Ready when somebody asks once more. A terminal that is closed tells so twice, and whoever ends its session after that asks for the
    /// first time: neither is a person who insists.
    pub(crate) async fn once_more(&mut self) {
        loop {
            poll_fn(|context| if self.came(context) { Poll::Ready(()) } else { Poll::Pending }).await;
            if std::mem::replace(&mut self.told, true) {
                return;
            }
        }
    }

    fn came(&mut self, context: &mut Context<'_>) -> bool {
        let came = self.asked.each_mut().map(|signal| signal.poll_recv(context).is_ready());
        came.contains(&true)
    }
}

/// Ready at the first of them from now on, polled or not: what is shown before the first look at it may be what somebody interrupts.
pub(crate) fn interrupted() -> impl Future<Output = ()> {
    let interrupts = Interrupts::listen();
    async {
        match interrupts {
            Ok(mut interrupts) => interrupts.first().await,
            Err(_) => pending().await,
        }
    }
}

/// Whether SIGHUP was ignored before anybody listened: a handler would undo what `nohup` has done.
fn outlives_its_terminal() -> bool {
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        // SIGHUP is the first of all.
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    })
}
