//! The gate that every port call passes: it counts, and at one call it kills the caller or breaks the call.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing, at none.
    None,
    /// The caller dies before it is done.
    KillBefore(usize),
    /// The caller dies after it is done and before it hears of it.
    KillAfter(usize),
    /// It fails.
    FailBefore(usize),
    /// It is done, and the answer is lost.
    FailAfter(usize),
}

pub(crate) struct Gate {
    trouble: Trouble,
    calls: AtomicUsize,
    killed: AtomicBool,
}

impl Gate {
    pub(crate) fn new(trouble: Trouble) -> Self {
        Self { trouble, calls: AtomicUsize::new(0), killed: AtomicBool::new(false) }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    async fn die(&self) {
        self.killed.store(true, Ordering::SeqCst);
        std::future::pending::<()>().await;
    }

    /// Lets one call through. `effect` changes the world; `broken` is what the caller hears instead of its answer.
    pub(crate) async fn pass<T>(&self, effect: impl FnOnce() -> T + Send, broken: impl FnOnce() -> T + Send) -> T
    where
        T: Send,
    {
        // Others that run at the same time get their turn, as they would while a request is on its way.
        Turn(false).await;
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.trouble {
            Trouble::KillBefore(at) if at == call => self.die().await,
            Trouble::FailBefore(at) if at == call => return broken(),
            _ => {}
        }
        let answer = effect();
        match self.trouble {
            Trouble::KillAfter(at) if at == call => self.die().await,
            Trouble::FailAfter(at) if at == call => return broken(),
            _ => {}
        }
        answer
    }
}

/// Gives way once.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Runs a future to its end; `None` when the gate killed it. The fakes wake at once, so that a future which is still
/// pending after very many turns hangs.
pub(crate) fn drive<T>(gate: &Gate, future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(futures_util::task::noop_waker_ref());
    for _ in 0..100_000 {
        if gate.killed() {
            return None;
        }
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
    }
    panic!("it hangs after {} calls", gate.calls());
}
