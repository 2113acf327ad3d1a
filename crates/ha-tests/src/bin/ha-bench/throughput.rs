//! Tokens a second: the read-only node, beside a read-write Keycloak without the extension.
//!
//! That other one is the stock image with the same heap and the same configuration, on the pair's own primary: both work on
//! the same realm and the same rows, and all processes run throughout, whichever of the two is asked. The writes go through
//! the primary's own Keycloak, so neither of the two is busy with them itself.

mod stock;

use std::time::Duration;

use crate::Error;
use crate::arguments::Arguments;
use crate::load::{Grant, rate};
use crate::realm::{Hashing, Realm};
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;
use crate::writer;

const WINDOW: Duration = Duration::from_secs(5);
const QUICK_WINDOW: Duration = Duration::from_secs(1);
const USERS: usize = 20;
const CLIENTS: [usize; 2] = [1, 4];

/// One combination, with what came out of it.
struct Case {
    grant: Grant,
    clients: usize,
    written_to: bool,
    standby: Samples,
    stock: Samples,
    ratio: Samples,
    writes: Samples,
}

pub(crate) async fn run(arguments: &Arguments, world: &World) -> Result<Vec<Row>, Error> {
    let realm = Realm::make(world, "bench-load", USERS, Hashing::Default).await?;
    let noise = Realm::make(world, "bench-load-noise", USERS, Hashing::Default).await?;
    say("throughput: the Keycloak without the extension starts");
    let stock = stock::start(world).await?;
    let window = if arguments.quick { QUICK_WINDOW } else { WINDOW };

    // Not counted: code that has not run often is slow in a JVM.
    for grant in [Grant::ClientCredentials, Grant::Password] {
        for site in [&world.standby, &stock] {
            rate(site, &realm, grant, 4, window).await?;
        }
    }
    let mut cases = cases();
    for round in 1..=arguments.rounds {
        for case in &mut cases {
            // Which is asked first alternates.
            let pair = both(world, &stock, &realm, case, window, round % 2 == 0);
            let (standby, beside) = if case.written_to {
                let (pair, writes) = writer::meanwhile(world, &noise, pair).await?;
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
    for written_to in [false, true] {
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
    realm: &Realm,
    case: &Case,
    window: Duration,
    stock_first: bool,
) -> Result<(f64, f64), Error> {
    let of = async |site| rate(site, realm, case.grant, case.clients, window).await;
    if stock_first {
        let beside = of(stock).await?;
        Ok((of(&world.standby).await?, beside))
    } else {
        Ok((of(&world.standby).await?, of(stock).await?))
    }
}

fn row(case: &Case) -> Row {
    let state = if case.written_to {
        format!("under {} writes/s", case.writes.spread(1, "").trim())
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
