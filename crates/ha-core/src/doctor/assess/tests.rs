use super::*;
use crate::doctor::{
    Bandwidth, CheckResult, Disk, DiskSpeed, Expected, Kernel, MemoryFact, PeerFacts, PortFact, Reach, RoundTrip,
    Running,
};
use crate::observe::{ClockReading, UnobservedWhy, fixtures};

const GIB: u64 = 1 << 30;

/// A node before the first `up` on which all is well.
fn fit(topology: &Topology, node: &Node) -> NodeFacts {
    NodeFacts {
        node: node.name.clone(),
        engine: Ok(fixtures::engine(node.name.as_str())),
        clock: Ok(ClockReading { ahead_ms: 3, uncertainty_ms: 2 }),
        running: Running::default(),
        has_data: Ok(false),
        postgres_image: Ok(ImageFact::Present(fixtures::postgres_image())),
        keycloak_image: Ok(ImageFact::Present(fixtures::keycloak_base())),
        keycloak_lacks: Ok(Vec::new()),
        postgres_port: PortFact::Free,
        keycloak_port: PortFact::Free,
        inside: Ok(Inside {
            disks: vec![Disk {
                holds: "images and databases".into(),
                device: "/dev/vda".into(),
                total_bytes: 100 * GIB,
                free_bytes: 50 * GIB,
            }],
            data_bytes: None,
            kernel: Kernel { overcommit: Some(0), swappiness: Some(10), huge_pages: Some("madvise".into()) },
            memory: MemoryFact { available_bytes: Some(6 * GIB), swap_bytes: Some(0), limit_bytes: None },
            postgres_version: Some("17.6".into()),
            libc: Some("glibc 2.41".into()),
            lacks: Vec::new(),
            perl: true,
        }),
        disk_speed: Some(Ok(DiskSpeed { syncs_per_second: Ok(1900.0), bytes_per_second: Ok(300e6) })),
        peers: topology
            .peers_of(&node.name)
            .map(|peer| PeerFacts {
                peer: peer.name.clone(),
                endpoint: format!("{}:{}", peer.address, peer.postgres_port),
                expected: Expected::Listener,
                reach: Reach::Listener,
                speed: Some(Ok((RoundTrip(0.0004), Ok(Bandwidth(117e6))))),
            })
            .collect(),
    }
}

fn all_fit(topology: &Topology) -> Vec<NodeFacts> {
    topology.nodes().iter().map(|node| fit(topology, node)).collect()
}

fn all(topology: &Topology) -> Vec<NodeName> {
    topology.nodes().iter().map(|node| node.name.clone()).collect()
}

fn result(report: &DoctorReport, node: &str, code: CheckCode) -> CheckResult {
    report.checks.iter().find(|check| check.node.as_str() == node && check.code == code).unwrap().result
}

#[test]
fn fit_hosts_get_every_check_in_order_and_nothing_but_ok() {
    let topology = fixtures::pair();
    let report = assess(&topology, &all(&topology), &all_fit(&topology));
    assert_eq!(report.result, CheckResult::Ok, "{report:#?}");
    for node in topology.nodes() {
        let codes: Vec<_> = report.checks.iter().filter(|check| check.node == node.name).map(|it| it.code).collect();
        assert_eq!(codes, CheckCode::ALL);
    }
}

#[test]
fn only_the_selected_nodes_are_reported_and_held_against_the_others() {
    let topology = fixtures::pair();
    let mut facts = all_fit(&topology);
    facts[0].inside.as_mut().unwrap().postgres_version = Some("17.5".into());
    let report = assess(&topology, &[fixtures::name("vm2")], &facts);
    assert!(report.checks.iter().all(|check| check.node.as_str() == "vm2"));
    assert_eq!(result(&report, "vm2", CheckCode::ImagePostgres), CheckResult::Error);
}

#[test]
fn without_an_engine_every_check_is_there_and_none_is_in_order() {
    let topology = fixtures::pair();
    let mut facts = all_fit(&topology);
    facts[1].engine = Err(fixtures::unobserved(UnobservedWhy::Refused, "nobody answers"));
    let report = assess(&topology, &all(&topology), &facts);
    assert_eq!(report.result, CheckResult::Error);
    let others: Vec<_> = report
        .checks
        .iter()
        .filter(|check| check.node.as_str() == "vm2" && check.peer.is_none() && check.code != CheckCode::Engine)
        .collect();
    assert!(others.len() > 10 && others.iter().all(|check| check.result == CheckResult::Unknown), "{others:#?}");
    assert_eq!(result(&report, "vm1", CheckCode::Engine), CheckResult::Ok);
}

#[test]
fn no_container_is_an_error_once_and_unknown_elsewhere() {
    let topology = fixtures::pair();
    let mut facts = all_fit(&topology);
    facts[0].inside = Err(InsideFailure::NoContainer("no bridge".into()));
    let report = assess(&topology, &all(&topology), &facts);
    assert_eq!(result(&report, "vm1", CheckCode::ContainerStart), CheckResult::Error);
    for code in [CheckCode::DiskSpace, CheckCode::KernelOvercommit, CheckCode::KernelHugePages] {
        assert_eq!(result(&report, "vm1", code), CheckResult::Unknown, "{code}");
    }
}

#[test]
fn a_quick_look_leaves_speeds_out() {
    let topology = fixtures::pair();
    let mut facts = all_fit(&topology);
    for node in &mut facts {
        node.disk_speed = None;
        node.peers.iter_mut().for_each(|peer| peer.speed = None);
    }
    let report = assess(&topology, &all(&topology), &facts);
    let speeds = [CheckCode::DiskSync, CheckCode::DiskWrite, CheckCode::PeerRoundTrip, CheckCode::PeerBandwidth];
    assert!(!report.checks.iter().any(|check| speeds.contains(&check.code)));
}

#[test]
fn a_standby_to_be_needs_room_for_its_primary() {
    let topology = fixtures::pair();
    let mut facts = all_fit(&topology);
    facts[0].has_data = Ok(true);
    facts[0].inside.as_mut().unwrap().data_bytes = Some(60 * GIB);
    let report = assess(&topology, &all(&topology), &facts);
    assert_eq!(result(&report, "vm1", CheckCode::DiskSpace), CheckResult::Ok);
    assert_eq!(result(&report, "vm2", CheckCode::DiskSpace), CheckResult::Error);
}

#[test]
fn the_gravest_result_is_the_reports() {
    let topology = fixtures::pair();
    let mut facts = all_fit(&topology);
    let of = |facts: &[NodeFacts]| assess(&topology, &all(&topology), facts).result;
    facts[0].clock = Err(NotKnown("no".into()));
    assert_eq!(of(&facts), CheckResult::Unknown);
    facts[0].clock = Ok(ClockReading { ahead_ms: 9000, uncertainty_ms: 2 });
    assert_eq!(of(&facts), CheckResult::Warning);
    facts[1].keycloak_port = PortFact::Taken { container: None };
    assert_eq!(of(&facts), CheckResult::Error);
}

#[test]
fn json_keeps_its_shape() {
    let topology = fixtures::pair();
    let mut report = assess(&topology, &all(&topology), &all_fit(&topology));
    report.checks.retain(|check| {
        check.node.as_str() == "vm1" && matches!(check.code, CheckCode::Clock | CheckCode::PeerPostgres)
    });
    insta::assert_snapshot!(serde_json::to_string(&report).unwrap());
}

#[test]
fn codes_are_words_and_each_is_there_once() {
    let mut codes: Vec<_> = CheckCode::ALL.iter().map(|code| code.as_str()).collect();
    assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), CheckCode::ALL.len());
}
