//! A standby whose data is replaced by a copy of the primary's.

use std::time::Instant;

use ha_core::plan::OldData;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::filled::Filled;
use crate::report::{Row, say};
use crate::stats::{Samples, milliseconds};
use crate::steps::Parts;
use crate::switchover::LEAST_ROUNDS;

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let mut table = Vec::new();
    for megabytes in arguments.sizes() {
        let filled = Filled::start(*megabytes).await?;
        let (primary, standby) = (filled.pair.primary(), filled.pair.standby());
        let (mut whole, mut parts) = (Samples::default(), Parts::default());
        let rounds = arguments.rounds_of(LEAST_ROUNDS);
        for round in 1..=rounds {
            let mark = i32::try_from(round)?;
            filled.change(primary, mark).await?;
            let begun = Instant::now();
            let plan = filled.pair.cluster().plan_rebuild(&standby.name, OldData::Keep).await?;
            let times = filled.run(&plan).await?;
            whole.push(milliseconds(begun.elapsed()));
            parts.push_steps(&times);
            filled.has_arrived(standby, mark).await?;
            say(&format!("rebuild: {megabytes} MB, round {round} of {rounds}"));
        }
        table.push(Row::new(
            format!("`rebuild` by a base backup, {megabytes} MB, until all is done"),
            whole.few(0, "ms"),
        ));
        table.extend(parts.rows());
    }
    Ok(table)
}
