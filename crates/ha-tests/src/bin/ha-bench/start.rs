//! How long a Keycloak takes to start on the standby, with its class archive and without.

use std::time::{Duration, Instant};

use ha_core::layout::Component;
use ha_core::ports::{ContainerRuntime as _, ContainerSpec};

use crate::another;
use crate::arguments::Arguments;
use crate::error::Error;
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;

const START_LIMIT: Duration = Duration::from_secs(180);
/// A JVM that finds no archive under the name it is given starts without one.
const WITHOUT_ARCHIVE: &str = "-XX:SharedArchiveFile=/there/is/none";

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let world = World::start().await?;
    let (pair, runtime) = (&world.pair, world.pair.runtime());
    let own = pair.container(pair.standby(), Component::Keycloak);
    let image = runtime.find_container(&own).await?.ok_or("the standby has no Keycloak")?.image_id;
    // The processors are for the one that starts.
    for node in [pair.primary(), pair.standby()] {
        runtime.stop_container(&pair.container(node, Component::Keycloak), Duration::from_secs(60)).await?;
    }
    let start = async |archive: bool| -> Result<f64, Error> {
        let change = |spec: &mut ContainerSpec| {
            if !archive {
                spec.environment.insert("JAVA_OPTS_APPEND".to_owned(), WITHOUT_ARCHIVE.to_owned());
            }
        };
        let begun = Instant::now();
        let (name, _) = another::keycloak(&world, pair.standby(), &image, change, START_LIMIT).await?;
        let taken = begun.elapsed().as_secs_f64();
        runtime.remove_container(&name).await?;
        Ok(taken)
    };
    say(&format!("start: {:.1} s the first time, which is not counted", start(true).await?));
    let (mut with, mut without, mut ratios) = (Samples::default(), Samples::default(), Samples::default());
    for round in 1..=arguments.rounds {
        // Which goes first alternates.
        let (archived, bare) = if round % 2 == 1 {
            let archived = start(true).await?;
            (archived, start(false).await?)
        } else {
            let bare = start(false).await?;
            (start(true).await?, bare)
        };
        say(&format!("start: round {round} of {}: {archived:.1} s, without the archive {bare:.1} s", arguments.rounds));
        with.push(archived);
        without.push(bare);
        ratios.push(archived / bare);
    }
    Ok(vec![
        Row::new(
            "start of a read-only Keycloak until it serves; beside: without its class archive",
            with.spread(1, "s"),
        )
        .beside(without.spread(1, "s"), ratios.median()),
    ])
}
