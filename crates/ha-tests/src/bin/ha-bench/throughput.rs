//! Tokens a second: the read-only node, beside a read-write Keycloak without the extension.
//!
//! That other one is the stock image with the same heap and the same configuration, on the pair's own primary: both work on
//! the same realm and the same rows, and all processes run throughout, whichever of the two is asked. The writes go through
//! the primary's own Keycloak, so neither of the two is busy with them itself.

mod stock;

use std::time::Duration;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::load::{Grant, rate};
use crate::realm::{Hashing, Realm};
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;
use crate::writer::{self, Changed};

const WINDOW: Duration = Duration::from_secs(5);
const QUICK_WINDOW: Duration = Duration::from_secs(1);
const USERS: usize = 20;
/// After so many realms it is told how far it is.
const TOLD_EACH: usize = 20;
const CLIENTS: [usize; 2] = [1, 4];

/// One combination, with what came out of it.
struct Case {
    grant: Grant,
    clients: usize,
    written_to: Option<Changed>,
    standby: Samples,
    stock: Samples,
    ratio: Samples,
    writes: Samples,
}

pub(crate) async fn run(arguments: &Arguments, world: &World) -> Result<Vec<Row>, Error> {
    let count = arguments.realms;
    let mut realms = Vec::new();
    for number in 0..count {
        let name = format!("bench-load-{number}");
        // The clients are spread evenly.
        let clients = arguments.clients * (number + 1) / count - arguments.clients * number / count;
        realms.push(Realm::make_among(world, &name, USERS.div_ceil(count), Hashing::Default, clients).await?);
        if realms.len().is_multiple_of(TOLD_EACH) {
            say(&format!("throughput: {} of {count} realms are made", realms.len()));
        }
    }
    let noise = Realm::make(world, "bench-load-noise", USERS, Hashing::Default).await?;
    say("throughput: the Keycloak without the extension starts");
    let stock = stock::start(world).await?;
    let window = if arguments.quick { QUICK_WINDOW } else { WINDOW };

    // Not counted: code that has not run often is slow in a JVM.
    for grant in [Grant::ClientCredentials, Grant::Password] {
        for site in [&world.standby, &stock] {
            rate(site, &realms, grant, 4, window).await?;
        }
    }
    let mut cases = cases();
    for round in 1..=arguments.rounds {
        for case in &mut cases {
            // Which is asked first alternates.
            let pair = both(world, &stock, &realms, case, window, round % 2 == 0);
            let (standby, beside) = if let Some(changed) = case.written_to {
                let (pair, writes) = writer::meanwhile(world, &noise, changed, pair).await?;
                case.writes.push(writes);
                pair
            } else {
                pair.await?
            };
            case.standby.push(standby);
            case.stock.push(beside);
            case.ratio.push(standby / beside);
        }
        say(&format!("throughput: round {round} of {}", arguments.rounds));
    }
    Ok(cases.iter().map(row).collect())
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for written_to in [None, Some(Changed::Users), Some(Changed::Parts)] {
        for grant in [Grant::ClientCredentials, Grant::Password] {
            for clients in CLIENTS {
                let [standby, stock, ratio, writes] = [(); 4].map(|()| Samples::default());
                cases.push(Case { grant, clients, written_to, standby, stock, ratio, writes });
            }
        }
    }
    cases
}

/// Both, one after the other.
async fn both(
    world: &World,
    stock: &ha_tests::keycloak::Site,
    realms: &[Realm],
    case: &Case,
    window: Duration,
    stock_first: bool,
) -> Result<(f64, f64), Error> {
    let of = async |site| rate(site, realms, case.grant, case.clients, window).await;
    if stock_first {
        let beside = of(stock).await?;
        Ok((of(&world.standby).await?, beside))
    } else {
        Ok((of(&world.standby).await?, of(stock).await?))
    }
}

fn row(case: &Case) -> Row {
    let state = if let Some(changed) = case.written_to {
        format!("under {} writes/s {}", case.writes.spread(1, "").trim(), changed.name())
    } else {
        "primary idle".to_owned()
    };
    let figure = format!(
        "{} on the read-only node, {} at a time, {state}; beside: read-write without the extension",
        case.grant.name(),
        case.clients
    );
    Row::new(figure, case.standby.spread(1, "/s")).beside(case.stock.spread(1, "/s"), case.ratio.median()).goal("≥ 0.9")
}
