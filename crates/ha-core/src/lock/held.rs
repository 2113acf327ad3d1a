//! Whether the locks that were taken are still held. A connection ends, an engine is restarted, a laptop sleeps: the lock is gone
//! then, and whoever held it learns of that only by asking.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::lock::Mutex as AsyncMutex;

use super::holder::Taken;
use crate::causes;
use crate::ports::{ExecSession, RuntimeError};
use crate::values::NodeName;

/// The program answers at once; it is started on what may be a busy host.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long one that did not answer the last time is asked for.
const SHORT: Duration = Duration::from_millis(100);

/// A lock that a run no longer holds, or not for sure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the lock of {node}, which keeps others from changing the cluster at the same time, is lost: {why}")]
pub struct LostLock {
    /// Where.
    pub node: NodeName,
    /// How that shows.
    pub why: String,
}

/// One lock, for as long as this lives.
pub(crate) struct Held {
    pub(crate) node: NodeName,
    /// Who holds it, as the program that holds it is told.
    words: String,
    state: AsyncMutex<State>,
    asked: AtomicU64,
    /// What is done under it ends the server, and the lock with that; or there was no server yet.
    ends: AtomicBool,
    silent: AtomicBool,
}

enum State {
    /// The way to the program that holds it.
    Open(Box<dyn ExecSession>),
    /// Its server did not run when it was to be taken.
    NotYet,
    /// Somebody else took it while its server was away.
    Taken(String),
}

enum Answer {
    Held,
    Silent(String),
    Gone(String),
}

impl Held {
    pub(crate) fn new(node: &NodeName, words: &str, session: Box<dyn ExecSession>) -> Self {
        Self::of(node, words, State::Open(session), false)
    }

    /// One that is taken once its server runs.
    pub(crate) fn later(node: &NodeName, words: &str) -> Self {
        Self::of(node, words, State::NotYet, true)
    }

    fn of(node: &NodeName, words: &str, state: State, ends: bool) -> Self {
        Self {
            node: node.clone(),
            words: words.to_owned(),
            state: AsyncMutex::new(state),
            asked: AtomicU64::new(0),
            ends: AtomicBool::new(ends),
            silent: AtomicBool::new(false),
        }
    }

    /// Gives it back, and returns once it is free.
    pub(crate) async fn release(&self) {
        let State::Open(session) = &mut *self.state.lock().await else { return };
        // Where the server was stopped meanwhile, its lock went with it, and there is nobody to tell.
        if session.write_line("").await.is_ok() {
            while let Ok(Some(_)) = session.read_line(ANSWER_LIMIT).await {}
        }
    }

    /// Whether it is to be taken once more, now that its server runs again.
    pub(crate) async fn is_to_be_taken_again(&self) -> bool {
        self.ends.load(Ordering::Relaxed) && {
            // Its server may not have been stopped after all.
            let is_held = matches!(self.ask().await, Answer::Held);
            if is_held {
                self.ends.store(false, Ordering::Relaxed);
            }
            !is_held
        }
    }

    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// It was taken once more; or somebody else came first, which the next question finds.
    pub(crate) async fn was_taken_again(&self, answer: Result<Box<dyn ExecSession>, Taken>) {
        *self.state.lock().await = match answer {
            Ok(session) => State::Open(session),
            Err(taken) => State::Taken(taken.to_string()),
        };
        self.ends.store(false, Ordering::Relaxed);
    }

    async fn ask(&self) -> Answer {
        let answer = self.answer().await;
        self.silent.store(matches!(answer, Answer::Silent(_)), Ordering::Relaxed);
        answer
    }

    async fn answer(&self) -> Answer {
        let mut state = self.state.lock().await;
        let session = match &mut *state {
            State::Open(session) => session,
            State::NotYet => return Answer::Gone("its server did not run".to_owned()),
            State::Taken(by) => return Answer::Gone(format!("while its server was away, somebody else came: {by}")),
        };
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let of = |error: &RuntimeError| match error {
            RuntimeError::TimedOut { .. } => Answer::Silent(causes::chain(error)),
            _ => Answer::Gone(causes::chain(error)),
        };
        if let Err(error) = session.write_line(&format!("still {number}")).await {
            return of(&error);
        }
        let limit = if self.silent.load(Ordering::Relaxed) { SHORT } else { ANSWER_LIMIT };
        loop {
            match session.read_line(limit).await {
                Ok(Some(line)) if line == format!("held {number}") => return Answer::Held,
                // Late, to an earlier question.
                Ok(Some(_)) => {}
                Ok(None) => return Answer::Gone("the program that held it has ended".to_owned()),
                Err(error) => return of(&error),
            }
        }
    }
}

/// The locks that are held on a cluster by whoever works with this value of it.
#[derive(Clone, Default)]
pub(crate) struct Register(Arc<Mutex<Vec<Weak<Held>>>>);

impl Register {
    pub(crate) fn add(&self, held: &Arc<Held>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(held));
    }

    fn all(&self) -> Vec<Arc<Held>> {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|held| held.strong_count() > 0);
        list.iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether there is anybody who took locks, or wanted to.
    pub(crate) fn is_used(&self) -> bool {
        !self.all().is_empty()
    }

    pub(crate) fn of(&self, node: &NodeName) -> Vec<Arc<Held>> {
        self.all().into_iter().filter(|held| held.node == *node).collect()
    }

    /// What is about to be done ends that node's server, and its lock.
    pub(crate) fn ends(&self, node: &NodeName) {
        self.of(node).iter().for_each(|held| held.ends.store(true, Ordering::Relaxed));
    }

    /// Asks for each lock whether it is held. One that is known to be gone is enough; of those that do not answer, all: whoever
    /// else comes needs the locks of all nodes, so one that is held keeps others out. Who took none has none to lose.
    pub(crate) async fn prove(&self) -> Result<(), LostLock> {
        let all = self.all();
        let answers = join_all(all.iter().map(|held| held.ask())).await;
        let mut silent = None;
        let mut proven = false;
        for (held, answer) in all.iter().zip(answers) {
            let lost = |why| LostLock { node: held.node.clone(), why };
            match answer {
                Answer::Held => proven = true,
                Answer::Gone(why) if !held.ends.load(Ordering::Relaxed) => return Err(lost(why)),
                Answer::Gone(_) => {}
                Answer::Silent(why) => silent = silent.or(Some(lost(why))),
            }
        }
        match silent {
            Some(lost) if !proven => Err(lost),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use futures_util::FutureExt as _;

    use super::*;

    /// What each question gets, one after the other; afterwards nothing but the end.
    struct Script(VecDeque<Says>, Option<String>);

    #[derive(Clone, Copy)]
    enum Says {
        Held,
        Nothing,
        /// Nothing in time, and the answer before the next one.
        Late,
    }

    #[async_trait]
    impl ExecSession for Script {
        async fn write_line(&mut self, line: &str) -> Result<(), RuntimeError> {
            self.1 = line.strip_prefix("still ").map(|number| format!("held {number}"));
            Ok(())
        }

        async fn read_line(&mut self, timeout: Duration) -> Result<Option<String>, RuntimeError> {
            let timed_out = Err(RuntimeError::TimedOut { what: "waiting".to_owned(), after: timeout });
            match self.0.pop_front() {
                Some(Says::Held) => Ok(self.1.take()),
                Some(Says::Nothing) => timed_out,
                Some(Says::Late) => {
                    self.0.push_front(Says::Held);
                    timed_out
                }
                None => Ok(None),
            }
        }
    }

    fn held(register: &Register, node: &str, says: &[Says]) -> Arc<Held> {
        let session = Script(says.iter().copied().collect(), None);
        let held = Arc::new(Held::new(&node.parse().unwrap(), "{}", Box::new(session)));
        register.add(&held);
        held
    }

    fn prove(register: &Register) -> Result<(), String> {
        register.prove().now_or_never().unwrap().map_err(|lost| lost.node.to_string())
    }

    #[test]
    fn one_that_is_gone_stops_whoever_held_it_unless_that_was_their_own_doing() {
        let register = Register::default();
        assert_eq!(prove(&register), Ok(()), "who took none has none to lose");
        let vm1 = held(&register, "vm1", &[Says::Held]);
        let vm2 = held(&register, "vm2", &[Says::Held; 5]);
        assert_eq!(prove(&register), Ok(()));
        assert_eq!(prove(&register), Err("vm1".to_owned()));
        register.ends(&vm1.node);
        assert_eq!(prove(&register), Ok(()), "a switchover stops the old primary");
        drop(vm2);
        assert_eq!(prove(&register), Ok(()));
    }

    #[test]
    fn one_that_does_not_answer_is_no_proof_and_one_that_does_is_enough() {
        let register = Register::default();
        let _vm1 = held(&register, "vm1", &[Says::Nothing, Says::Late, Says::Held]);
        let vm2 = held(&register, "vm2", &[Says::Held]);
        assert_eq!(prove(&register), Ok(()));
        drop(vm2);
        assert_eq!(prove(&register), Err("vm1".to_owned()));
        assert_eq!(prove(&register), Ok(()), "it thaws");
    }
}
