//! Looks at both servers all the time: who accepts writes, in which generation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ha_tests::servers::Servers;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls};

const LOOK: Duration = Duration::from_secs(2);
const FIRST_LOOK: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(50);
const ASK: &str = "SELECT pg_is_in_recovery(), coalesce(current_setting('ha.generation', true), '')";

/// The nodes that were seen as primaries, by generation.
type Primaries = Arc<Mutex<BTreeMap<String, BTreeSet<usize>>>>;

/// Looks until it is dropped.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    seen: Primaries,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Returns once both have been looked at: what is broken next may be so within a moment.
    pub(crate) fn start(servers: &Servers) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Primaries::default());
        let (sender, looked) = mpsc::channel();
        let look = |node: usize| {
            let (config, stop, seen) = (servers.config(node), Arc::clone(&stop), Arc::clone(&seen));
            let sender = sender.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(look(node, config, &stop, &seen, &sender));
            })
        };
        let threads = vec![look(0), look(1)];
        let watch = Self { stop, seen, threads };
        let mut unseen = BTreeSet::from([0, 1]);
        while !unseen.is_empty() {
            let node = looked.recv_timeout(FIRST_LOOK).unwrap_or_else(|_| panic!("{unseen:?} cannot be looked at"));
            unseen.remove(&node);
        }
        watch
    }

    /// The generations in which more than one node accepted writes.
    pub(crate) fn doubles(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(_, nodes)| nodes.len() > 1).map(|(generation, _)| generation.clone()).collect()
    }

    /// How many generations there were.
    pub(crate) fn generations(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

async fn look(node: usize, mut config: Config, stop: &AtomicBool, seen: &Primaries, looked: &Sender<usize>) {
    config.connect_timeout(LOOK);
    let mut client = None;
    while !stop.load(Ordering::Relaxed) {
        let answer = timeout(LOOK, ask(&config, &mut client)).await;
        match answer {
            Ok(Some((true, _))) => {}
            Ok(Some((false, generation))) => {
                seen.lock().unwrap().entry(generation).or_default().insert(node);
            }
            // This connection is of no more use.
            Ok(None) | Err(_) => client = None,
        }
        if client.is_some() {
            // Only the first one is waited for.
            looked.send(node).unwrap_or_default();
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn ask(config: &Config, client: &mut Option<Client>) -> Option<(bool, String)> {
    if client.is_none() {
        let (new, connection) = config.connect(NoTls).await.ok()?;
        tokio::spawn(async move { drop(connection.await) });
        *client = Some(new);
    }
    let row = client.as_ref()?.query_one(ASK, &[]).await.ok()?;
    Some((row.get(0), row.get(1)))
}
