//! The program itself: how large, how soon it runs, how much memory it takes.

use crate::arguments::Arguments;
use crate::error::Error;
use crate::program::{ha_cli, ha_cli_path};
use crate::report::{Row, say};
use crate::site::Site;
use crate::stats::Samples;

const STARTS: usize = 20;

pub(crate) async fn run(arguments: &Arguments, site: &Site) -> Result<Vec<Row>, Error> {
    let size = std::fs::metadata(ha_cli_path())?.len() as f64 / f64::from(1 << 20);
    let mut starts = Samples::default();
    for _ in 0..STARTS {
        starts.push(ha_cli(&["--version"]).run().await?.succeeded()?.took.as_secs_f64() * 1000.0);
    }
    let mut rows = vec![
        Row::new("size of `ha-cli`", format!("{size:.1} MiB")),
        Row::new("its start and end (`--version`)", starts.spread(1, "ms")),
    ];
    for command in [&["status"][..], &["up", "--yes"]] {
        let mut peaks = Samples::default();
        for _ in 0..arguments.rounds {
            peaks.push(site.program(command).peak_kib().await? / 1024.0);
        }
        rows.push(Row::new(format!("peak memory of `{}`, nothing to do", command[0]), peaks.spread(1, "MiB")));
    }
    say("binary: done");
    Ok(rows)
}
