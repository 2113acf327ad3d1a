//! How long a whole pair takes, beside the slowest chain of its parts by hand.

use crate::arguments::Arguments;
use crate::by_hand;
use crate::error::Error;
use crate::report::{Row, say};
use crate::site::Site;
use crate::stats::Samples;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    // Not measured: it prepares the Keycloak image on an engine that has not had it yet, and warms the page cache.
    let warm = Site::make().await?.up().await?;
    say(&format!("up: {warm:.1} s the first time, which is not counted"));
    let (mut ours, mut theirs, mut ratios) = (Samples::default(), Samples::default(), Samples::default());
    for round in 1..=arguments.rounds {
        // Which goes first alternates, so that neither always finds the machine as the other left it.
        let (pair, hand) = if round % 2 == 1 {
            let pair = Site::make().await?.up().await?;
            (pair, by_hand::run().await?)
        } else {
            let hand = by_hand::run().await?;
            (Site::make().await?.up().await?, hand)
        };
        say(&format!("up: round {round} of {}: {pair:.1} s, by hand {hand:.1} s", arguments.rounds));
        ours.push(pair);
        theirs.push(hand);
        ratios.push(pair / hand);
    }
    Ok(vec![
        Row::new("`up` until both Keycloaks are ready; beside: the bare parts by hand", ours.spread(1, "s"))
            .beside(theirs.spread(1, "s"), ratios.median())
            .goal("≤ 1.3"),
    ])
}
