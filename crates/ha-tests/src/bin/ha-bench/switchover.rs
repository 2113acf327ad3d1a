//! A planned change of roles, back and forth: how long nobody takes writes, seen by two writers that know both addresses and
//! never stop, one of rows and one of users through the Keycloaks; and which step costs how much of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ha_core::plan::SwitchoverOptions;
use ha_core::steps::{StepEvent, Watcher};
use ha_tests::keycloak::Site;
use ha_tests::ledger::{LedgerWriter, Verdict, longest_gap};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Error;
use crate::arguments::Arguments;
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;

/// Fewer say nothing about a tail.
const LEAST_ROUNDS: usize = 10;
const REALM: &str = "bench-switchover";
const CLIENT: &str = "writer";
const SECRET: &str = "the secret of the writer";
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
const TRY_AGAIN: Duration = Duration::from_millis(5);
const SETTLED_LIMIT: Duration = Duration::from_secs(60);
/// Acknowledgements before a change and after it, so that the gap has two ends.
const ENOUGH: usize = 30;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let world = World::start().await?;
    let token = token(&world).await?;
    let rows = LedgerWriter::start(&world.pair).await?;
    let users = UserWriter::start(&world, token);
    let (mut row_gaps, mut user_gaps, mut whole) = (Samples::default(), Samples::default(), Samples::default());
    let mut parts: BTreeMap<&str, Samples> = BTreeMap::new();
    let rounds = if arguments.quick { 2 } else { arguments.rounds.max(LEAST_ROUNDS) };
    let nodes = [world.pair.standby().name.clone(), world.pair.primary().name.clone()];
    for round in 0..rounds {
        settled(&users, &rows).await?;
        let begun = Instant::now();
        let options = SwitchoverOptions { to: Some(nodes[round % 2].clone()), ..SwitchoverOptions::default() };
        let planned = planned(&world, &options).await?;
        let watcher = Arc::new(Times::default());
        world.pair.cluster().run(&planned, Arc::clone(&watcher) as _).await?;
        whole.push(begun.elapsed().as_secs_f64() * 1000.0);
        settled(&users, &rows).await?;
        let end = Instant::now();
        row_gaps.push(milliseconds(rows.longest_gap_in(begun, end)));
        user_gaps.push(milliseconds(longest_gap(&users.times(), begun, end)));
        for (step, took) in watcher.took() {
            parts.entry(step).or_default().push(milliseconds(took));
        }
        say(&format!("switchover: round {} of {rounds}", round + 1));
    }
    users.stop().await;
    let ledger = rows.stop().await;
    world.pair.wait_replayed().await?;
    let verdict = ledger.judge_node(&world.pair, world.pair.primary()).await?;
    if verdict != Verdict::default() {
        return Err(format!("rows are wrong afterwards: {verdict:?}").into());
    }
    let mut table = vec![
        Row::new("switchover: longest time without an acknowledged row", row_gaps.few(0, "ms")).goal("< 250 ms"),
        Row::new("the same without an acknowledged user, through the Keycloaks", user_gaps.few(0, "ms"))
            .goal("< 500 ms"),
        Row::new("the whole, until the old primary follows", whole.few(0, "ms")),
    ];
    table.extend(parts.iter().map(|(step, times)| Row::new(format!("of it: {step}"), times.few(0, "ms"))));
    Ok(table)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A realm whose client may make users; its token is good for the whole figure, and on both nodes.
async fn token(world: &World) -> Result<String, Error> {
    let realm = json!({
        "realm": REALM, "enabled": true, "accessTokenLifespan": 3600,
        "clients": [{ "clientId": CLIENT, "secret": SECRET, "serviceAccountsEnabled": true }],
        "users": [{
            "username": format!("service-account-{CLIENT}"), "enabled": true, "serviceAccountClientId": CLIENT,
            "clientRoles": { "realm-management": ["manage-users"] },
        }],
    });
    world.admin(Method::POST, "/realms", Some(&realm)).await?;
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", SECRET)];
    let request = world.primary.post(&format!("/realms/{REALM}/protocol/openid-connect/token")).form(&form);
    let token = world.primary.send(request).await?.expect(200)?.field("access_token")?;
    world.pair.wait_replayed().await?;
    Ok(token)
}

/// Both writers get on.
async fn settled(users: &UserWriter, rows: &LedgerWriter) -> Result<(), Error> {
    let (goal, begun) = (users.count() + ENOUGH, Instant::now());
    if !rows.goes_on(ENOUGH as u64, SETTLED_LIMIT).await {
        return Err("no rows are written".into());
    }
    while users.count() < goal {
        if begun.elapsed() > SETTLED_LIMIT {
            return Err("no users are made".into());
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
    Ok(())
}

/// A standby that has just come back may need a moment before it streams.
async fn planned(world: &World, options: &SwitchoverOptions) -> Result<ha_core::plan::Plan, Error> {
    let begun = Instant::now();
    loop {
        match world.pair.cluster().plan_switchover(options).await {
            Ok(planned) => return Ok(planned.plan),
            Err(refusals) if begun.elapsed() > SETTLED_LIMIT => return Err(format!("refused: {refusals:?}").into()),
            Err(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
}

/// Makes users through whichever node takes them.
struct UserWriter {
    stop: Arc<AtomicBool>,
    times: Arc<Mutex<Vec<Instant>>>,
    task: JoinHandle<()>,
}

impl UserWriter {
    fn start(world: &World, token: String) -> Self {
        let (stop, times) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let sites = [world.primary.clone(), world.standby.clone()];
        let task = tokio::spawn(write(sites, token, Arc::clone(&stop), Arc::clone(&times)));
        Self { stop, times, task }
    }

    fn times(&self) -> Vec<Instant> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self) -> usize {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.task.await);
    }
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

async fn write(sites: [Site; 2], token: String, stop: Arc<AtomicBool>, times: Arc<Mutex<Vec<Instant>>>) {
    let path = format!("/admin/realms/{REALM}/users");
    let mut at = 0;
    while !stop.load(Ordering::Relaxed) {
        let user = json!({ "username": format!("made-{}", NUMBER.fetch_add(1, Ordering::Relaxed)), "enabled": true });
        let request = sites[at].request(Method::POST, &path).bearer_auth(&token).json(&user);
        match timeout(ANSWER_LIMIT, sites[at].send(request)).await {
            Ok(Ok(answer)) if answer.status == 201 => {
                times.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
            _ => {
                at = 1 - at;
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

/// When each step began and ended.
#[derive(Default)]
struct Times(Mutex<Vec<(String, Instant, Option<Instant>)>>);

impl Times {
    fn took(&self) -> Vec<(&'static str, Duration)> {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = [
            ("write a checkpoint", "checkpoint"),
            ("stop PostgreSQL", "the old primary stops"),
            ("prove that", "proof that all has arrived"),
            ("have PostgreSQL come back", "the old primary is told to be a standby"),
            ("promote", "promotion"),
            ("start PostgreSQL", "the old primary starts"),
        ];
        let took = steps.iter().filter_map(|(name, begun, ended)| {
            let (_, short) = known.iter().find(|(text, _)| name.starts_with(text))?;
            Some((*short, ended.as_ref()?.duration_since(*begun)))
        });
        took.collect()
    }
}

impl Watcher for Times {
    fn event(&self, event: StepEvent<'_>) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            StepEvent::Started(step) => steps.push((step.action.to_string(), Instant::now(), None)),
            StepEvent::Done(step) => {
                let name = step.action.to_string();
                if let Some(open) = steps.iter_mut().find(|(other, _, ended)| *other == name && ended.is_none()) {
                    open.2 = Some(Instant::now());
                }
            }
            _ => {}
        }
    }
}
