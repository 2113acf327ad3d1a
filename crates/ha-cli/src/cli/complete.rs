//! What a shell offers where a node is to be named: it asks this program, which reads the cluster's file.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap_complete::engine::CompletionCandidate;

use crate::config;
use crate::globals::{Globals, OutputFormat};

/// The names of the nodes.
pub(super) fn nodes(begun: &OsStr) -> Vec<CompletionCandidate> {
    candidates(begun, &[])
}

/// The same, and the words that stand for some of them.
pub(super) fn nodes_and_roles(begun: &OsStr) -> Vec<CompletionCandidate> {
    candidates(begun, &["primary", "replica", "all"])
}

fn candidates(begun: &OsStr, words: &[&str]) -> Vec<CompletionCandidate> {
    let globals =
        Globals { config: named(std::env::args_os()), output: OutputFormat::Human, verbose: 0, no_color: true };
    // A file that cannot be read has no names to offer, and this is no place to say why.
    let names = config::load(&globals).map(|config| config.topology).ok();
    let names = names.iter().flat_map(|topology| topology.nodes()).map(|node| node.name.to_string());
    let all = names.chain(words.iter().map(|word| (*word).to_owned()));
    let begun = begun.to_string_lossy();
    all.filter(|name| name.starts_with(&*begun)).map(CompletionCandidate::new).collect()
}

/// The file that the line so far, or else the environment, names.
fn named(line: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let words: Vec<OsString> = line.collect();
    let after = words.iter().position(|word| word == "--config").and_then(|at| words.get(at + 1)).map(PathBuf::from);
    let joined = words.iter().find_map(|word| word.to_str()?.strip_prefix("--config=").map(PathBuf::from));
    after.or(joined).or_else(|| std::env::var_os("HA_CONFIG").map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_the_line_names() {
        let file = |line: &str| named(line.split(' ').map(OsString::from));
        assert_eq!(file("ha-cli -- ha-cli --config a.toml status"), Some("a.toml".into()));
        assert_eq!(file("ha-cli -- ha-cli status --config=b.toml v"), Some("b.toml".into()));
    }
}
