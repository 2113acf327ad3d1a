//! `logs`: what the nodes' containers wrote.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, select_all};
use ha_core::layout::{Component, container_name};
use ha_core::ports::{LogLine, LogOptions, RuntimeError};
use serde_json::json;

use super::plan::interruptible;
use crate::cli::{ComponentArg, Globals, LogsArgs, OutputFormat, Since};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::interrupt::interrupted;
use crate::output::Printer;
use crate::select;

/// Of each part, where nothing says from when on.
const USUAL_TAIL: u64 = 100;
/// Lines that arrive within it are put in the order of their times.
const MOMENT: Duration = Duration::from_millis(100);

pub(super) async fn run(globals: &Globals, args: &LogsArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    let topology = cluster.topology();
    let words: Vec<_> = args.node.iter().cloned().collect();
    select::nodes(topology, &words, None)?;
    let role = args.node.as_deref().is_some_and(|word| matches!(word, "primary" | "standby" | "replica"));
    let report = if role { Some(cluster.report().await) } else { None };
    let nodes = select::nodes(topology, &words, report.as_ref())?;
    let components = match args.component {
        Some(ComponentArg::Postgres) => vec![Component::Postgres],
        Some(ComponentArg::Keycloak) => vec![Component::Keycloak],
        None => vec![Component::Postgres, Component::Keycloak],
    };
    let options = options(args);
    let mut streams = Vec::new();
    for node in &nodes {
        let runtime = match cluster.ports().runtimes.get(node) {
            Some(Ok(runtime)) => runtime,
            Some(Err(why)) => return Err(Failure::failed("no-way", why.clone()).on(node).into()),
            None => continue,
        };
        for &component in &components {
            let name = container_name(topology, node, component);
            let lines = match runtime.logs(&name, &options).await {
                Ok(lines) => lines,
                Err(RuntimeError::NotFound { .. }) => {
                    printer.note(|page| page.line(format!("note: there is no container {name}")));
                    continue;
                }
                Err(error) => {
                    let message = format!("the log of {component} could not be read");
                    return Err(Failure::failed("logs", message).on(node).because(error).into());
                }
            };
            let label = format!("{node} {component}");
            streams.push(lines.map(move |line| Entry::of(&label, line)).boxed());
        }
    }
    if streams.is_empty() {
        return Err(Failure::failed("logs", "there is nothing to show: none of these containers exists")
            .help("`ha-cli up` makes them")
            .into());
    }
    let mut all = if args.follow { as_they_come(streams) } else { by_time(streams) };
    let show = async {
        while let Some(entry) = all.next().await {
            print(printer, entry?)?;
            if printer.closed() {
                break;
            }
        }
        Ok::<_, Error>(())
    };
    if args.follow {
        // Ending it is what ctrl-c is for.
        tokio::select! {
            result = show => result?,
            () = interrupted() => return Ok(Outcome::Interrupted),
        }
    } else {
        interruptible(show).await??;
    }
    Ok(Outcome::Done)
}

fn options(args: &LogsArgs) -> LogOptions {
    let since_unix = args.since.map(|since| match since {
        Since::Unix(seconds) => seconds,
        Since::Ago(time) => {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since_1970.saturating_sub(time).as_secs()).unwrap_or(0)
        }
    });
    let tail = args.tail.or_else(|| since_unix.is_none().then_some(USUAL_TAIL));
    let tail = tail.map(|lines| u32::try_from(lines).unwrap_or(u32::MAX));
    LogOptions { tail, follow: args.follow, since_unix, timestamps: true }
}

/// A line with its place.
struct Entry {
    label: String,
    /// By the engine's clock, in UTC and always as long, so that the order of the texts is that of the times.
    time: String,
    text: String,
}

impl Entry {
    fn of(label: &str, line: Result<LogLine, RuntimeError>) -> Result<Self, Failure> {
        let line =
            line.map_err(|error| Failure::failed("logs", format!("{label}: the log broke off")).because(error))?;
        let (time, text) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        Ok(Self { label: label.to_owned(), time: time.to_owned(), text: text.to_owned() })
    }
}

type Entries = BoxStream<'static, Result<Entry, Failure>>;

/// Merges logs that are there already, each of them in its order. What broke off is told where it did.
fn by_time(streams: Vec<Entries>) -> Entries {
    // One that has ended is asked again with each further line of the others.
    let heads: Vec<(Option<Result<Entry, Failure>>, _)> =
        streams.into_iter().map(|stream| (None, stream.fuse())).collect();
    futures_util::stream::unfold(heads, |mut heads| async move {
        for (head, stream) in &mut heads {
            if head.is_none() {
                *head = stream.next().await;
            }
        }
        let key = |head: &Option<Result<Entry, Failure>>| match head {
            Some(Ok(entry)) => Some(entry.time.clone()),
            Some(Err(_)) => Some(String::new()),
            None => None,
        };
        let first = heads.iter().enumerate().filter_map(|(at, (head, _))| Some((key(head)?, at))).min()?.1;
        let entry = heads[first].0.take()?;
        Some((entry, heads))
    })
    .boxed()
}

/// As they come; what comes at the same moment, the lines of before in the first place, by time.
fn as_they_come(streams: Vec<Entries>) -> Entries {
    let all = select_all(streams);
    futures_util::stream::unfold(all, |mut all| async move {
        let mut batch = vec![all.next().await?];
        let end = tokio::time::Instant::now() + MOMENT;
        while let Ok(Some(entry)) = tokio::time::timeout_at(end, all.next()).await {
            batch.push(entry);
        }
        // That a log broke off comes after its lines.
        batch.sort_by_key(|entry| entry.as_ref().map_or_else(|_| "~".to_owned(), |entry| entry.time.clone()));
        Some((futures_util::stream::iter(batch), all))
    })
    .flatten()
    .boxed()
}

fn print(printer: &Printer, entry: Entry) -> Result<(), Error> {
    let Entry { label, time, text } = entry;
    match printer.format() {
        OutputFormat::Json => printer.json(&json!({ "schema": 1, "from": label, "time": time, "line": text })),
        OutputFormat::Human => printer.text(&format!("{label} | {text}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Like an engine's, it may not be asked for more once it has ended.
    fn log(label: &'static str, times: &'static [&'static str]) -> Entries {
        let entry =
            move |time: &'static str| Ok(Entry { label: label.to_owned(), time: time.to_owned(), text: String::new() });
        futures_util::stream::unfold(0, move |at| async move { Some((entry(times.get(at)?), at + 1)) }).boxed()
    }

    async fn order(entries: Entries) -> Vec<String> {
        entries
            .map(|entry| entry.map_or_else(|it| it.message, |it| format!("{} {}", it.label, it.time)))
            .collect()
            .await
    }

    #[tokio::test]
    async fn the_logs_of_all_nodes_are_in_the_order_of_time() {
        let logs = || vec![log("a", &["1", "4", "4"]), log("b", &["2", "3", "5"]), log("c", &[])];
        let expected = ["a 1", "b 2", "b 3", "a 4", "a 4", "b 5"];
        assert_eq!(order(by_time(logs())).await, expected);
        assert_eq!(order(as_they_come(logs())).await, expected);
    }

    #[tokio::test]
    async fn a_log_that_breaks_off_is_told_and_no_line_of_it_lost() {
        let broken = log("a", &["2"]).chain(futures_util::stream::iter([Err(Failure::failed("logs", "broke off"))]));
        assert_eq!(
            order(by_time(vec![broken.boxed(), log("b", &["1", "3"])])).await,
            ["b 1", "a 2", "broke off", "b 3"]
        );
    }
}
