//! Runs the cases, one Keycloak version after the other.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use crate::capabilities::Table;
use crate::case::Case;
use crate::cases;
use crate::check::LOOK_AGAIN;
use crate::world::{PATIENCE, World};

/// The path of the public URL of every version but the first: what is served at the root alone is found in the same run.
const FURTHER_PATH: &str = "/id/sso";

/// The pair of one version, made when the first case asks for it.
struct Version {
    number: String,
    public_path: &'static str,
    world: OnceLock<Option<Arc<World>>>,
    runtime: Arc<Runtime>,
}

impl Version {
    fn world(&self) -> Result<Arc<World>, Failed> {
        let start = || {
            let began = Instant::now();
            let world = self.runtime.block_on(World::start(&self.number, self.public_path));
            let after = began.elapsed().as_secs_f32();
            match &world {
                Ok(_) => println!("Keycloak {}: a pair runs after {after:.1} s", self.number),
                // Once, and not again with each of the many cases that need it.
                Err(error) => println!("Keycloak {}: no pair: {}", self.number, error.message().unwrap_or("it failed")),
            }
            world.ok().map(Arc::new)
        };
        self.world.get_or_init(start).clone().ok_or_else(|| "there is no pair; why, is said once above".into())
    }
}

pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::from_args();
    let ignored = !ha_tests::engine_is_wanted();
    let runtime = Arc::new(Runtime::new().expect("a runtime needs threads only"));
    let table = Arc::new(Table::default());
    let mut failed = false;
    let mut listed = Vec::new();
    for (place, number) in versions().into_iter().enumerate() {
        let public_path = if place == 0 { "" } else { FURTHER_PATH };
        let (world, runtime) = (OnceLock::new(), Arc::clone(&runtime));
        let version = Arc::new(Version { number: number.clone(), public_path, world, runtime });
        table.add_version(&number);
        for phase in cases::phases() {
            let trials: Vec<Trial> =
                phase.cases.iter().map(|case| trial(&version, &table, *case).with_ignored_flag(ignored)).collect();
            if arguments.list {
                listed.extend(trials);
                continue;
            }
            if trials.iter().all(|trial| arguments.is_filtered_out(trial)) {
                continue;
            }
            let mut arguments = arguments.clone();
            if phase.alone {
                arguments.test_threads = Some(1);
            }
            failed |= libtest_mimic::run(&arguments, trials).has_failed();
        }
        // The trials are gone, and nobody else holds the version.
        if let Some(Some(world)) = Arc::into_inner(version).and_then(|version| version.world.into_inner()) {
            world.report();
            remove(world);
        }
    }
    if arguments.list {
        failed |= libtest_mimic::run(&arguments, listed).has_failed();
    }
    if let Some(path) = std::env::var_os("HA_CAPABILITIES").filter(|_| !arguments.list) {
        table.write(path.as_ref()).expect("the file of HA_CAPABILITIES can be written");
    }
    if failed { ExitCode::from(101) } else { ExitCode::SUCCESS }
}

/// Drops the last hold on a pair, which removes it. A case that failed may have left a task that watches it, not for long.
fn remove(world: Arc<World>) {
    let began = Instant::now();
    while Arc::strong_count(&world) > 1 && began.elapsed() < 2 * PATIENCE {
        std::thread::sleep(LOOK_AGAIN);
    }
    if Arc::into_inner(world).is_none() {
        println!("a pair is left behind, since something still holds it; the next run removes it");
    }
}

fn trial(version: &Arc<Version>, table: &Arc<Table>, case: Case) -> Trial {
    let (version, table) = (Arc::clone(version), Arc::clone(table));
    // The macro leaves blanks around the colons of a path.
    let name = format!("{}::{}", version.number, case.name.replace(" ", ""));
    Trial::test(name, move || {
        let outcome = version.world().and_then(|world| version.runtime.block_on((case.run)(world)));
        if let Some((capability, word)) = case.capability {
            table.saw(&version.number, capability, word, outcome.is_ok());
        }
        outcome
    })
}

fn versions() -> Vec<String> {
    let named = std::env::var("HA_TEST_KEYCLOAKS").unwrap_or_default();
    let versions: Vec<String> = named.split_whitespace().map(str::to_owned).collect();
    if versions.is_empty() { vec!["26.7.3".to_owned()] } else { versions }
}
