//! Room on the hosts.

use std::time::Duration;

use super::super::assess;
use crate::health::{ClusterState::Healthy, HostReport};
use crate::observe::fixtures::{healthy, pair};
use crate::observe::{HostObservation, Room};

#[test]
fn little_room_on_a_host_is_a_warning() {
    const GIB: u64 = 1 << 30;
    let topology = pair();
    let told = |host: HostObservation| {
        let mut nodes = healthy(&topology);
        nodes[1].host = host;
        let report = assess(&topology, &nodes);
        assert_eq!(report.state, Healthy);
        assert_eq!((&report.nodes[0].host, &report.nodes[1].host), (&HostReport::default(), &host.into()));
        let texts = report.findings.iter().map(|it| format!("{} {}", it.node.as_ref().unwrap(), it.code));
        texts.collect::<Vec<_>>()
    };
    let room = |free, total| Some(Room { free_bytes: free, total_bytes: total });
    let disk = |free, total| HostObservation { disk: room(free, total), memory: None };
    let memory = |free, total| HostObservation { disk: None, memory: room(free, total) };
    let none: &[&str] = &[];
    assert_eq!(told(HostObservation::default()), none, "what is not known is no finding");
    assert_eq!(told(disk(10 * GIB, 100 * GIB)), none);
    assert_eq!(told(disk(10 * GIB - 1, 100 * GIB)), ["vm2 disk-low"]);
    assert_eq!(told(disk(0, 100 * GIB)), ["vm2 disk-low"]);
    assert_eq!(told(disk(64 * GIB, 4000 * GIB)), none, "a small part of a large disk is much");
    assert_eq!(told(disk(63 * GIB, 4000 * GIB)), ["vm2 disk-low"]);
    assert_eq!(told(memory(GIB, 20 * GIB)), none);
    assert_eq!(told(memory(GIB - 1, 20 * GIB)), ["vm2 memory-low"]);
}

#[test]
fn a_disk_that_fills_is_told_with_its_figures() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    nodes[0].host.disk = Some(Room { free_bytes: 5 << 30, total_bytes: 100 << 30 });
    let vm1 = nodes[0].node.clone();
    let forecast = |seconds| assess(&topology, &nodes).with_forecasts([(&vm1, Duration::from_secs(seconds))]);
    assert_eq!(forecast(24 * 3600).findings.len(), 1, "that is far away");
    let soon = forecast(24 * 3600 - 1).findings;
    let codes = soon.iter().map(|it| format!("{} {}", it.node.as_ref().unwrap(), it.code)).collect::<Vec<_>>();
    assert_eq!(codes, ["vm1 disk-low", "vm1 disk-filling"]);
    let report = forecast(5 * 3600 + 900);
    assert_eq!(report.nodes[0].host.disk_full_in_seconds, Some(5 * 3600 + 900));
    assert_eq!(report.state, Healthy);
    let messages: Vec<_> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    let room = "5.0 GiB of 100.0 GiB are free, and WAL takes 16 MiB";
    assert_eq!(
        messages,
        [
            format!("the disk of the database is nearly full: {room}"),
            format!("at the present rate the disk of the database is full in about 5 h: {room}"),
        ]
    );
}
