//! Requests through HAProxy with the printed configuration while the roles change: how many fail, of clients that try each once, and how
//! long the longest is held.

mod clients;
mod proxy;

use std::time::Duration;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::folder::Folder;
use crate::report::{Row, say};
use crate::stats::{Samples, milliseconds};
use crate::switchover::LEAST_ROUNDS;
use crate::world::World;
use clients::{Clients, Load, Told};
use proxy::Proxy;

const A_SECOND: u32 = 20;
/// Before a switchover and after it.
const REQUESTS: u64 = 100;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let world = World::start().await?;
    let folder = Folder::of(&world.pair)?;
    let proxy = Proxy::start(&folder).await?;
    proxy.finds_both_roles().await?;
    let clients = Clients::ready(&world, &proxy).await?;
    let enough = arguments.count(REQUESTS as usize, 40) as u64;

    // Beside it: the same with nothing changed.
    let still = Load::start(&clients, Duration::from_secs(1) / A_SECOND).await?;
    still.answered(2 * enough).await?;
    let still = still.end().await?;
    say(&format!("balancer: nothing changed: {}", still.shown()));

    let (mut changed, mut longest) = (Told::default(), Samples::default());
    let rounds = arguments.rounds_of(LEAST_ROUNDS);
    let nodes = [world.pair.standby().name.clone(), world.pair.primary().name.clone()];
    for round in 0..rounds {
        proxy.finds_both_roles().await?;
        let load = Load::start(&clients, Duration::from_secs(1) / A_SECOND).await?;
        load.answered(enough).await?;
        let switchover = folder.run(&["switchover", "--to", nodes[round % 2].as_str(), "--yes"]).await?;
        load.answered(enough).await?;
        let told = load.end().await?;
        switchover.succeeded()?;
        say(&format!("balancer: switchover {} of {rounds}: {}", round + 1, told.shown()));
        longest.push(milliseconds(told.longest()));
        changed.add(told);
    }
    let failed = |told: &Told| format!("{} of {}", told.failed(), told.sent());
    let mut of = still.took();
    let mut rows = vec![
        Row::new(
            format!("requests through HAProxy that fail in {rounds} switchovers, {A_SECOND} a second; beside: nothing changed"),
            failed(&changed),
        )
        .against(failed(&still))
        .goal("0"),
        Row::new("the longest of each switchover", longest.few(0, "ms"))
            .against(format!("{:.0} ms", of.percentile(1.0))),
    ];
    of = changed.took();
    rows.push(Row::new("all of them", of.tail(0, "ms")).against(still.took().tail(0, "ms")));
    Ok(rows)
}
