//! What a node keeps of promotions, and what its guard needs to ask its peers.

use std::fmt::Write as _;

use super::conninfo::replication_conninfo;
use super::paths::{PEERS_PATH, PROMOTION_PATH};
use super::upstream::upstream_conf;
use crate::ports::HostFile;
use crate::topology::{Node, Topology};
use crate::values::{PromotionId, PromotionRecord};

/// The file of a record.
#[must_use]
pub fn promotion_file(record: &PromotionRecord) -> HostFile {
    let alone = if record.run_alone { "on" } else { "off" };
    let mut text = format!(
        "# Written by ha-cli.\nha.generation = '{}'\nha.promotion = '{}'\nha.primary = '{}'\nha.run_alone = '{alone}'\n\
         ha.ancestors = '{}'\n",
        record.generation,
        record.id,
        record.primary,
        ids(&record.ancestors)
    );
    if record.run_alone {
        text.push_str("synchronous_standby_names = ''\n");
    }
    HostFile::new(PROMOTION_PATH, text, 0o644)
}

/// Ids as they are written, in one line.
#[must_use]
pub fn ids(ids: &[PromotionId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads the file of a record; `None` when it is none.
#[must_use]
pub fn read_promotion(text: &str) -> Option<PromotionRecord> {
    let setting = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = '"))?;
        line.strip_suffix('\'')
    };
    Some(PromotionRecord {
        generation: setting("ha.generation")?.parse().ok()?,
        id: setting("ha.promotion")?.parse().ok()?,
        primary: setting("ha.primary")?.parse().ok()?,
        run_alone: setting("ha.run_alone") == Some("on"),
        ancestors: setting("ha.ancestors")
            .unwrap_or_default()
            .split_ascii_whitespace()
            .filter_map(|id| id.parse().ok())
            .collect(),
    })
}

/// What the guard needs to ask the peers of a node, and to follow one of them.
pub(super) fn guard_files(topology: &Topology, node: &Node) -> Vec<HostFile> {
    let mut peers = String::new();
    let mut files = Vec::new();
    for peer in topology.peers_of(&node.name) {
        let conninfo = replication_conninfo(topology, &node.name, peer);
        writeln!(peers, "{} {conninfo}", peer.name).expect("a String takes everything");
        let path = format!("/ha/config/upstream.d/{}.conf", peer.name);
        files.push(HostFile::new(path, upstream_conf(topology, &node.name, peer), 0o644));
    }
    files.push(HostFile::new(PEERS_PATH, peers, 0o644));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{pair, promotion};

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for run_alone in [false, true] {
            let record = PromotionRecord {
                run_alone,
                ancestors: vec![promotion(5, "vm1").id, promotion(1, "vm1").id],
                ..promotion(7, "vm2")
            };
            let file = String::from_utf8(promotion_file(&record).content).unwrap();
            assert_eq!(read_promotion(&file), Some(record));
            assert_eq!(file.contains("synchronous_standby_names"), run_alone);
        }
        assert_eq!(read_promotion(""), None);
        assert_eq!(read_promotion("ha.generation = '1'\nha.promotion = 'x'\nha.primary = 'vm1'\n"), None);
    }

    #[test]
    fn the_guard_learns_every_peer() {
        let topology = pair();
        let files = guard_files(&topology, topology.initial_primary());
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/ha/config/upstream.d/vm2.conf", "/ha/config/peers"]);
        let peers = String::from_utf8(files[1].content.clone()).unwrap();
        assert!(peers.starts_with("vm2 host='192.0.2.12' port=5433 user=ha_replication "), "{peers}");
    }
}
