//! Commands that find nothing to do, beside `docker ps` on the same engine.

use crate::arguments::Arguments;
use crate::error::Error;
use crate::program::Program;
use crate::report::{Row, say};
use crate::site::Site;
use crate::stats::Samples;

const COMMANDS: [(&str, &[&str]); 3] =
    [("`up` with nothing to do", &["up", "--yes"]), ("`status`", &["status"]), ("`health all`", &["health", "all"])];
/// Runs of each a round: one run is short, and the kernel's scheduler has its say.
const RUNS: usize = 10;

pub(crate) async fn run(arguments: &Arguments, site: &Site) -> Result<Vec<Row>, Error> {
    let mut times = [(); 3].map(|()| Samples::default());
    let mut docker = Samples::default();
    let mut has_docker = true;
    for _ in 0..arguments.rounds * arguments.count(RUNS, 2) {
        for ((_, command), times) in COMMANDS.iter().zip(&mut times) {
            let ran = site.run(command).await?.succeeded()?;
            times.push(ran.took.as_secs_f64() * 1000.0);
        }
        if has_docker {
            match Program::new("docker", &["ps"]).run().await {
                Ok(ran) => docker.push(ran.succeeded()?.took.as_secs_f64() * 1000.0),
                Err(error) => {
                    say(&format!("commands: nothing stands beside them: {error}"));
                    has_docker = false;
                }
            }
        }
    }
    say(&format!("commands: {} runs of each", times[0].len()));
    let row = |((what, _), times): (&(&str, _), &Samples)| {
        let row = Row::new(format!("{what}; beside: `docker ps`"), times.spread(0, "ms"));
        let row = row.goal("< 500 ms, ≤ 3");
        if has_docker { row.beside(docker.spread(0, "ms"), times.median() / docker.median()) } else { row }
    };
    Ok(COMMANDS.iter().zip(&times).map(row).collect())
}
