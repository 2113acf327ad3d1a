//! What somebody's hand has left in the database, and clocks.

use super::super::assess;
use super::{Nodes, check, found};
use crate::advice::Remedy;
use crate::health::ClusterState::{Degraded, Healthy};
use crate::layout::{PROBE_ROLE, REPLICATION_ROLE};
use crate::observe::fixtures::{healthy, name, pair, roles};
use crate::observe::{ClockReading, OpenTransaction, PostgresObservation, PreparedTransaction};
use crate::values::Lsn;

fn server(nodes: &mut Nodes, index: usize) -> &mut PostgresObservation {
    nodes[index].postgres.as_mut().unwrap()
}

/// What both servers tell of the roles: they are in the data.
fn in_the_data(change: impl Fn(&mut PostgresObservation)) -> impl FnOnce(&mut Nodes) {
    move |nodes| {
        for index in 0..2 {
            server(nodes, index).logins = roles(&pair());
            change(server(nodes, index));
        }
    }
}

#[test]
fn a_changed_role_is_told_of_the_primary_and_up_mends_it() {
    check(in_the_data(|_| ()), &[], Healthy);
    let password = in_the_data(|it| it.verifiers_as_set = [(REPLICATION_ROLE.to_owned(), false)].into());
    check(password, &["vm1 role-changed"], Degraded);
    // One cause, one finding.
    let locked_out = |n: &mut Nodes| {
        in_the_data(|it| it.verifiers_as_set = [(REPLICATION_ROLE.to_owned(), false)].into())(n);
        server(n, 1).receiver = None;
    };
    check(locked_out, &["vm1 role-changed"], Degraded);
    let mut nodes = healthy(&pair());
    in_the_data(|it| it.logins.iter_mut().for_each(|role| role.login = false))(&mut nodes);
    let report = assess(&pair(), &nodes);
    assert_eq!(found(&report), ["vm1 role-changed"; 4]);
    let up = [Remedy::up(&name("vm1"))];
    assert!(report.findings[..3].iter().all(|it| it.help.remedies == up), "{report:?}");
    let own = &report.findings[3];
    assert!(own.message.contains("the role postgres") && own.help.contains("--single"), "{own:?}");
}

#[test]
fn a_password_that_the_probe_was_refused_with_is_told_once() {
    let refused = |it: &mut PostgresObservation| it.probe_refused = Some("refused the password".to_owned());
    check(in_the_data(refused), &["vm1 probe-denied", "vm2 probe-denied"], Healthy);
    let changed = in_the_data(|it| {
        refused(it);
        it.verifiers_as_set = [(PROBE_ROLE.to_owned(), false)].into();
    });
    check(changed, &["vm1 role-changed"], Degraded);
}

#[test]
fn what_the_probe_sees_more_by_is_told_once_where_it_is_gone() {
    let gone = |it: &mut PostgresObservation| it.unmade = vec!["the schema ha is gone".to_owned()];
    check(in_the_data(gone), &["vm1 probe-blind"], Healthy);
    let mut nodes = healthy(&pair());
    in_the_data(gone)(&mut nodes);
    let finding = &assess(&pair(), &nodes).findings[0];
    assert!(finding.message.contains("the schema ha is gone"), "{finding:?}");
    assert_eq!(finding.help.remedies, [Remedy::up(&name("vm1"))]);
    let not_let_in = in_the_data(|it| {
        gone(it);
        it.probe_refused = Some("permission denied for database".to_owned());
    });
    check(not_let_in, &["vm1 probe-blind"], Healthy);
}

#[test]
fn unlogged_tables_are_named_with_the_statement_that_mends_them() {
    check(in_the_data(|it| it.unlogged_relations = 3), &["vm1 unlogged-tables"], Healthy);
    let mut nodes = healthy(&pair());
    in_the_data(|it| (it.unlogged_relations, it.unlogged_tables) = (3, vec!["public.\"odd one\"".to_owned()]))(
        &mut nodes,
    );
    let report = assess(&pair(), &nodes);
    let finding = &report.findings[0];
    assert!(finding.message.contains("public.\"odd one\""), "{finding:?}");
    assert!(finding.help.contains("`ALTER TABLE public.\"odd one\" SET LOGGED`"), "{finding:?}");
}

/// Keycloak's role names what it makes as it likes.
#[test]
fn no_statement_to_paste_holds_a_name_that_was_made_to_do_harm() {
    for name in ["a\n\\! touch owned", "$(touch owned)", "a`touch owned`", "\u{2028}a", "a'; DROP TABLE realm; --"] {
        let mut nodes = healthy(&pair());
        in_the_data(|it| {
            it.unlogged_relations = 2;
            it.unlogged_tables = vec![format!("public.\"{name}\""), "public.sound".to_owned()];
            it.prepared = vec![PreparedTransaction {
                gid: name.to_owned(),
                role: "keycloak".into(),
                database: "keycloak".into(),
                seconds: 301.0,
                inherited: false,
            }];
        })(&mut nodes);
        let report = assess(&pair(), &nodes);
        assert_eq!(found(&report), ["vm1 unlogged-tables", "vm1 prepared-transaction"], "{name:?}");
        assert!(report.findings[0].help.contains("`ALTER TABLE public.sound SET LOGGED`"), "{report:?}");
        for finding in &report.findings {
            assert!(!finding.help.contains("touch") && !finding.help.contains("DROP"), "{finding:?}");
            assert!(!finding.message.contains(['\n', '\u{2028}']), "{finding:?}");
        }
    }
}

fn open(seconds: f64) -> OpenTransaction {
    OpenTransaction {
        pid: 4711,
        state: Some("idle in transaction".to_owned()),
        role: Some("keycloak".to_owned()),
        database: Some("keycloak".to_owned()),
        application: None,
        seconds,
    }
}

#[test]
fn a_transaction_that_somebody_forgot_is_found_on_its_node() {
    for (node, code) in [(0, "vm1 long-transaction"), (1, "vm2 long-transaction")] {
        check(|n| server(n, node).transactions = vec![open(901.0), open(60.0)], &[code], Healthy);
    }
    check(|n| server(n, 0).transactions = vec![open(899.0)], &[], Healthy);
    let mut nodes = healthy(&pair());
    server(&mut nodes, 0).transactions = vec![open(3600.0)];
    let finding = &assess(&pair(), &nodes).findings[0];
    for words in ["session 4711", "idle in transaction", "role keycloak", "60 min"] {
        assert!(finding.message.contains(words), "{finding:?}");
    }
    assert!(finding.help.contains("pg_terminate_backend(4711)"), "{finding:?}");
}

#[test]
fn a_prepared_transaction_that_nobody_ends_is_found() {
    let transaction = |seconds, inherited| {
        let (gid, role, database) = ("it's".into(), "keycloak".into(), "keycloak".into());
        PreparedTransaction { gid, role, database, seconds, inherited }
    };
    let prepared = |seconds| {
        let it = transaction(seconds, false);
        move |n: &mut Nodes| server(n, 0).prepared = vec![it]
    };
    check(prepared(299.0), &[], Healthy);
    check(prepared(301.0), &["vm1 prepared-transaction"], Healthy);
    // After a change of roles nobody is there any more who would end it right then.
    let came_along = |n: &mut Nodes| server(n, 0).prepared = vec![transaction(2.0, true)];
    check(came_along, &["vm1 prepared-transaction"], Healthy);
    let mut nodes = healthy(&pair());
    prepared(7200.0)(&mut nodes);
    let finding = &assess(&pair(), &nodes).findings[0];
    assert!(finding.help.contains("ROLLBACK PREPARED 'it''s'"), "{finding:?}");
}

/// That machine's clock against this one's; a reading adds some milliseconds.
fn clock(ahead_ms: i64) -> Option<ClockReading> {
    Some(ClockReading { ahead_ms, uncertainty_ms: 20 })
}

#[test]
fn clocks_that_differ_are_found_and_no_reason_to_call_a_standby_late() {
    let clocks = |vm1, vm2| move |n: &mut Nodes| (server(n, 0).clock, server(n, 1).clock) = (vm1, vm2);
    check(clocks(clock(0), clock(1030)), &[], Healthy);
    check(clocks(clock(5000), None), &[], Healthy);
    check(clocks(clock(5000), clock(5500)), &[], Healthy);
    // An hour either way, in the middle of something that is replayed right then.
    for hour in [3_600_000_i64, -3_600_000] {
        let jumps = |n: &mut Nodes| {
            clocks(clock(0), clock(hour))(n);
            let standby = server(n, 1);
            standby.replay_lsn = Some(Lsn::new(0x300_0000));
            standby.replay_age_seconds = Some(if hour > 0 { 3600.5 } else { -3599.5 });
        };
        check(jumps, &["vm2 clock-skew"], Healthy);
        let mut nodes = healthy(&pair());
        jumps(&mut nodes);
        let report = assess(&pair(), &nodes);
        assert_eq!(report.nodes[1].replication.as_ref().unwrap().lag_seconds, Some(0.5));
        let words = if hour > 0 { "3600.0 s ahead of vm1's" } else { "3600.0 s behind vm1's" };
        assert!(report.findings[0].message.contains(words), "{report:?}");
    }
}
