//! Settings that somebody else has the last word on.

use super::{Nodes, check, check_of, found};
use crate::health::ClusterState::{Degraded, Healthy};
use crate::health::assess;
use crate::observe::SettingInForce;
use crate::observe::fixtures::{healthy, pair, pair_spec, strict_pair};
use crate::topology::Topology;

fn given(name: &str, value: &str, source: &str) -> SettingInForce {
    SettingInForce { name: name.to_owned(), value: value.to_owned(), source: Some(source.to_owned()) }
}

fn set(node: usize, setting: SettingInForce) -> impl FnOnce(&mut Nodes) {
    move |nodes| nodes[node].postgres.as_mut().unwrap().overridden.push(setting)
}

fn with_work_mem() -> Topology {
    let mut spec = pair_spec();
    spec.postgres.settings.insert("Work_Mem".to_owned(), "8MB".to_owned());
    spec.validate().unwrap()
}

#[test]
fn what_the_file_says_and_somebody_else_has_set_is_told_with_its_source() {
    let topology = with_work_mem();
    for source in ["ALTER SYSTEM", "ALTER ROLE keycloak", "ALTER ROLE keycloak IN DATABASE keycloak"] {
        check_of(&topology, set(0, given("work_mem", "4MB", source)), &["vm1 setting-not-in-force"], Healthy);
    }
    check_of(&topology, set(0, given("work_mem", "8MB", "ALTER SYSTEM")), &[], Healthy);
    // A file of the node's own on a standby, and what came with the data, which the primary tells.
    check_of(&topology, set(1, given("work_mem", "4MB", "ALTER SYSTEM")), &["vm2 setting-not-in-force"], Healthy);
    check_of(&topology, set(1, given("work_mem", "4MB", "ALTER ROLE keycloak")), &[], Healthy);
    let mut nodes = healthy(&topology);
    set(0, given("work_mem", "4MB", "ALTER ROLE keycloak"))(&mut nodes);
    let finding = assess(&topology, &nodes).findings.remove(0);
    assert!(finding.message.contains("\"4MB\", by ALTER ROLE keycloak, and not \"8MB\""), "{finding:?}");
    assert!(finding.help.contains("`ALTER ROLE keycloak RESET work_mem`"), "{finding:?}");
}

#[test]
fn what_is_too_much_to_be_read_is_told_with_what_takes_it_back() {
    let source = "ALTER ROLE keycloak IN DATABASE keycloak";
    let flood = || given("all", "9000 bytes of settings, more than are read", source);
    check(set(0, flood()), &["vm1 setting-not-in-force"], Healthy);
    check(set(1, flood()), &[], Healthy);
    let mut nodes = healthy(&pair());
    set(0, flood())(&mut nodes);
    let finding = assess(&pair(), &nodes).findings.remove(0);
    assert!(finding.help.contains("`ALTER ROLE keycloak IN DATABASE keycloak RESET all`"), "{finding:?}");
}

#[test]
fn what_keeps_keycloak_from_its_work_is_told() {
    for (name, value) in [
        ("default_transaction_read_only", "on"),
        ("transaction_timeout", "1ms"),
        ("statement_timeout", "1"),
        ("role", "somebody"),
        ("local_preload_libraries", "there_is_none"),
    ] {
        let it = || given(name, value, "ALTER ROLE keycloak IN DATABASE keycloak");
        check(set(0, it()), &["vm1 setting-not-in-force"], Healthy);
        check(set(1, it()), &[], Healthy);
    }
    for (name, value) in [("statement_timeout", "30s"), ("statement_timeout", "0"), ("role", "none")] {
        check(set(0, given(name, value, "ALTER ROLE keycloak")), &[], Healthy);
    }
}

#[test]
fn what_ha_cli_needs_counts_as_well_and_what_is_nobodys_but_theirs_does_not() {
    check(set(0, given("hot_standby_feedback", "off", "ALTER SYSTEM")), &["vm1 setting-not-in-force"], Healthy);
    check(set(0, given("hot_standby_feedback", "on", "ALTER SYSTEM")), &[], Healthy);
    check(set(0, given("work_mem", "64MB", "ALTER SYSTEM")), &[], Healthy);
    // A share of the machine's memory is a suggestion.
    check(set(0, given("shared_buffers", "4GB", "ALTER SYSTEM")), &[], Healthy);
    // Told by what it does to durability, and only once.
    let twice = |nodes: &mut Nodes| {
        nodes[0].postgres.as_mut().unwrap().durable.push(given("synchronous_commit", "off", "ALTER SYSTEM"));
        set(0, given("synchronous_commit", "off", "ALTER SYSTEM"))(nodes);
    };
    check_of(&strict_pair(), twice, &["vm1 durability-not-in-force"], Degraded);
}

#[test]
fn the_names_of_who_confirms_are_taken_back_and_not_brought_by_up() {
    let names = |value: &'static str| {
        move |nodes: &mut Nodes| {
            let postgres = nodes[0].postgres.as_mut().unwrap();
            postgres.synchronous_standby_names = value.to_owned();
            postgres.overridden.push(given("synchronous_standby_names", value, "ALTER SYSTEM"));
            postgres.senders[0].sync_state = "sync".to_owned();
        }
    };
    for (topology, value) in [(strict_pair(), ""), (strict_pair(), "FIRST 1 (other)"), (pair(), "*")] {
        check_of(&topology, names(value), &["vm1 durability-not-in-force"], Degraded);
        let mut nodes = healthy(&topology);
        names(value)(&mut nodes);
        let report = assess(&topology, &nodes);
        let help = &report.findings[0].help;
        assert!(help.contains("`ALTER SYSTEM RESET synchronous_standby_names`"), "{help:?}");
        assert_eq!(help.remedies, [], "`up` cannot");
    }
    let mut nodes = healthy(&strict_pair());
    names("ANY 1 (\"vm2\")")(&mut nodes);
    assert_eq!(found(&assess(&strict_pair(), &nodes)), [""; 0], "the same as the file's");
}
