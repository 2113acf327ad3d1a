//! What people and other tools do beside ha-cli, on real servers: each is told with its cause, what is advised works, and nothing
//! is lost on the way.

use std::process::Command;

use ha_core::health::{Code, Finding};
use ha_core::layout;
use ha_core::plan::{FailoverOptions, OldData, Plan, SwitchoverOptions};
use ha_core::ports::{ContainerRuntime, RestartPolicy};
use ha_core::values::PromotionRecord;
use ha_tests::servers::{NOTICED, Servers, ServersOptions};

use crate::lost::says;
use crate::world::World;

/// Runs Docker's own program against the engine of a node's host, as an operator there would.
#[track_caller]
fn docker(servers: &Servers, node: usize, arguments: &[&str]) -> String {
    let socket = servers.hosts().docker(node + 1).unwrap().to_string();
    let output = Command::new("docker").args(["-H", &socket]).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn volume(servers: &Servers, node: usize, kind: &str) -> String {
    layout::volume_name(servers.cluster().topology(), servers.name(node), kind)
}

/// The container, and the volume in which the node keeps what it knows.
fn lose_state(servers: &Servers, node: usize) {
    docker(servers, node, &["rm", "-f", &servers.container(node)]);
    docker(servers, node, &["volume", "rm", &volume(servers, node, "state")]);
}

#[track_caller]
pub(crate) fn finding(servers: &Servers, code: Code) -> Finding {
    let report = servers.finds(&[code]);
    report.findings.into_iter().find(|finding| finding.code == code).unwrap()
}

fn promotion(servers: &Servers, node: usize) -> Option<PromotionRecord> {
    let name = servers.name(node);
    let seen = servers.wait(servers.cluster().observe());
    seen.into_iter().find(|seen| seen.node == *name)?.postgres.ok()?.promotion
}

fn started(servers: &Servers, node: usize) -> String {
    docker(servers, node, &["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", &servers.container(node)])
}

#[track_caller]
fn rebuild(servers: &Servers, node: usize) {
    let plan: Plan = servers.wait(servers.cluster().plan_rebuild(servers.name(node), OldData::Keep)).unwrap();
    servers.run(&plan).unwrap();
}

/// Removed on the primary, on the standby, on both; each database is this cluster's, and says of which promotion it is.
pub(crate) fn a_removed_state_volume_costs_no_data(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    servers.sql(0, "CREATE TABLE kept AS SELECT 1 AS n");
    servers.has_rows(1, "1");
    let first = promotion(&servers, 0).unwrap();
    for node in [0, 1] {
        lose_state(&servers, node);
        let finding = finding(&servers, Code::PostgresMissing);
        assert!(finding.message.contains(&volume(&servers, node, "state")), "{finding:?}");
        servers.up();
        servers.settles(0);
        assert_eq!([promotion(&servers, 0), promotion(&servers, 1)], [Some(first.clone()), Some(first.clone())]);
    }
    // The last two copies: the data itself tells that it was made with these secrets.
    servers.wait(servers.cluster().ports().control.checkpoint(servers.name(0), NOTICED)).unwrap();
    lose_state(&servers, 0);
    lose_state(&servers, 1);
    servers.up();
    servers.settles(0);

    // Promoted once, so that the data tells by what.
    let planned = servers.switchover(1).unwrap();
    servers.run(&planned.plan).unwrap();
    servers.settles(1);
    let second = promotion(&servers, 1).unwrap();
    servers.wait(servers.cluster().ports().control.checkpoint(servers.name(1), NOTICED)).unwrap();
    servers.has_rows(0, "1");
    lose_state(&servers, 0);
    lose_state(&servers, 1);
    servers.up();
    servers.settles(1);
    assert_eq!([promotion(&servers, 0), promotion(&servers, 1)], [Some(second.clone()), Some(second)]);
    servers.has_rows(0, "1");
    servers.has_rows(1, "1");
}

/// Removed, renamed, changed, made by another tool: told, and mended by what is advised.
pub(crate) fn containers_that_somebody_removed_renamed_or_changed_are_told_and_mended(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    servers.sql(0, "CREATE TABLE kept AS SELECT 1 AS n");
    servers.has_rows(1, "1");
    for node in [0, 1] {
        docker(&servers, node, &["rm", "-f", &servers.container(node)]);
        finding(&servers, Code::PostgresMissing);
        servers.up();
        servers.settles(0);
    }

    // Under another name it serves on, and no second one is made on its data.
    let own = servers.container(0);
    docker(&servers, 0, &["rename", &own, "somebody-elses"]);
    let told = finding(&servers, Code::ContainerRenamed);
    let rename = "docker rename somebody-elses";
    says(servers.plan_up(), rename);
    // Whoever changes roles or stops servers says so as well, before anything is touched.
    let (cluster, standby) = (servers.cluster(), servers.name(1));
    says(servers.wait(cluster.plan_switchover(&SwitchoverOptions::default())), rename);
    says(servers.wait(cluster.plan_failover(&FailoverOptions::default())), rename);
    says(servers.wait(cluster.plan_down(&[servers.name(0).clone()], true)), rename);
    says(servers.wait(cluster.plan_rebuild(standby, OldData::Keep)).map_err(|refusal| vec![refusal]), rename);
    says(servers.wait(cluster.begin_rejoin(standby)).map_err(|refusal| vec![refusal]), rename);
    let command = told.help.split('`').nth(1).unwrap();
    let words: Vec<_> = command.split(' ').skip(1).collect();
    docker(&servers, 0, &words);
    servers.settles(0);

    // It would stay down after the next boot of its host.
    let before = started(&servers, 0);
    docker(&servers, 0, &["update", "--restart=no", &own]);
    finding(&servers, Code::ContainerAltered);
    servers.up();
    servers.settles(0);
    assert_eq!(started(&servers, 0), before, "nothing was stopped for it");
    let policy = servers.wait(servers.engine(0).find_container(&own)).unwrap().unwrap().restart;
    assert_eq!(policy, RestartPolicy::UnlessStopped);

    // Another tool makes it anew: the same name, volumes and settings, without the labels that it does not know.
    let image = docker(&servers, 1, &["inspect", "-f", "{{.Image}}", &servers.container(1)]);
    let topology = servers.cluster().topology();
    let node = topology.node(servers.name(1)).unwrap();
    let system = servers.report().nodes[0].postgres.system_identifier.unwrap();
    let mut spec = layout::postgres_container(topology, node, &image, system, &[]);
    spec.labels.clear();
    servers.wait(async {
        let engine = servers.engine(1);
        engine.remove_container(&spec.name).await.unwrap();
        engine.create_container(&spec).await.unwrap();
        engine.start_container(&spec.name).await.unwrap();
    });
    finding(&servers, Code::ContainerAltered);
    servers.up();
    servers.settles(0);
    // And once more by hand, with one label forgotten: what looks for it by that would not find it.
    let mut spec = layout::postgres_container(topology, node, &image, system, &[]);
    spec.labels = servers.wait(servers.engine(1).find_container(&spec.name)).unwrap().unwrap().labels;
    spec.labels.remove(layout::LABEL_NODE);
    servers.wait(async {
        let engine = servers.engine(1);
        engine.remove_container(&spec.name).await.unwrap();
        engine.create_container(&spec).await.unwrap();
        engine.start_container(&spec.name).await.unwrap();
    });
    let told = finding(&servers, Code::ContainerAltered);
    assert!(told.message.contains(layout::LABEL_NODE), "{told:?}");
    servers.up();
    servers.settles(0);

    // Off the network and on again, without what it was given at its making: it is found by its name all the same.
    let network = layout::network_name(topology);
    let before = started(&servers, 1);
    docker(&servers, 1, &["network", "disconnect", &network, &servers.container(1)]);
    finding(&servers, Code::NetworkLost);
    docker(&servers, 1, &["network", "connect", &network, &servers.container(1)]);
    servers.settles(0);
    assert!(servers.plan_up().unwrap().is_empty());

    // Its image has lost its name, and there is no registry: nothing is stopped for it, and what is said gives it back.
    let reference = &topology.images.postgres;
    docker(&servers, 1, &["rmi", "-f", reference]);
    let error = servers.run(&servers.plan_up().unwrap()).unwrap_err();
    let told = error.failures[0].error.to_string();
    let command = told.split('`').find(|part| part.starts_with("docker tag ")).unwrap_or_else(|| panic!("{told}"));
    let words: Vec<_> = command.split(' ').skip(1).collect();
    docker(&servers, 1, &words);
    assert!(servers.plan_up().unwrap().is_empty());
    assert_eq!(started(&servers, 1), before, "nothing was stopped");

    // The old primary's container is removed, and a failover follows: its data has a history of its own, and comes back by `rejoin`.
    docker(&servers, 0, &["rm", "-f", &own]);
    servers.fail_over(&FailoverOptions::default());
    says(servers.plan_up(), "ha-cli rejoin vm1");
    servers.rejoin(0);
    servers.settles(1);
    servers.has_rows(0, "1");
    // Likewise where it was taken off its network while it was down: it would start without one.
    let own = servers.container(1);
    docker(&servers, 1, &["kill", &own]);
    docker(&servers, 1, &["network", "disconnect", &network, &own]);
    servers.fail_over(&FailoverOptions::default());
    servers.rejoin(1);
    servers.settles(0);
    // And where its state volume went with it.
    docker(&servers, 0, &["kill", &servers.container(0)]);
    servers.fail_over(&FailoverOptions::default());
    lose_state(&servers, 0);
    servers.rejoin(0);
    servers.settles(1);
    servers.has_rows(0, "1");
    servers.run(&servers.switchover(0).unwrap().plan).unwrap();
    servers.settles(0);

    // An engine that ends in good order and comes back, as it does for an upgrade, takes its servers along, and starts them again.
    for host in [2, 1] {
        servers.hosts().stop_engine(host).unwrap();
        servers.hosts().start_engine(host).unwrap();
        servers.settles(0);
    }
    // With other settings as well: networks that are there keep their addresses.
    servers.hosts().restart_engine(2, &["--default-address-pool", "base=10.99.0.0/16,size=24"]).unwrap();
    servers.settles(0);
    servers.hosts().restart_engine(2, &[]).unwrap();
    servers.settles(0);

    // The host's address is not there yet when the engine starts: the engine tries once, and says why it could not.
    let address = format!("{}/24", servers.hosts().address(2).unwrap());
    servers.hosts().stop_engine(2).unwrap();
    let ip = |what: &str| {
        let done = servers.hosts().exec(2, &["ip", "address", what, &address, "dev", "eth0"]).unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    ip("del");
    servers.hosts().start_engine(2).unwrap();
    ip("add");
    let told = finding(&servers, Code::PostgresStopped);
    assert!(told.message.contains("cannot assign requested address"), "{told:?}");
    assert!(told.help.contains("network-online.target") && told.help.contains("`ha-cli up vm2`"), "{told:?}");
    servers.up();
    servers.settles(0);
}

/// A tablespace is a directory in one container. The standby ends at it; nothing that would destroy it is done, and what is said to
/// do brings the pair back.
pub(crate) fn a_tablespace_is_told_and_neither_copied_nor_thrown_away(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    let container = servers.container(0);
    docker(&servers, 0, &["exec", "-u", "postgres", &container, "mkdir", "/tmp/fast disk"]);
    servers.sql(0, "CREATE TABLESPACE fast LOCATION '/tmp/fast disk'");
    servers.sql(0, "CREATE TABLE kept TABLESPACE fast AS SELECT 1 AS n");
    let told = finding(&servers, Code::Tablespace);
    assert!(told.message.contains("fast") && told.help.contains("DROP TABLESPACE"), "{told:?}");
    let ended = finding(&servers, Code::PostgresRestarting);
    assert!(ended.message.contains("directory \"/tmp/fast disk\" does not exist"), "{ended:?}");
    assert!(ended.help.contains("ha-cli rebuild vm2"), "{ended:?}");
    let refused = servers.wait(servers.cluster().plan_rebuild(servers.name(1), OldData::Keep));
    says(refused.map_err(|refusal| vec![refusal]), "DROP TABLESPACE");

    // What would make its container anew stops before it, whatever the reason is.
    let network = layout::network_name(servers.cluster().topology());
    docker(&servers, 0, &["network", "disconnect", &network, &container]);
    let before = started(&servers, 0);
    let plan = servers.plan_up().unwrap();
    let error = servers.run(&plan).unwrap_err();
    assert!(error.failures.iter().any(|it| it.error.to_string().contains("/tmp/fast disk")), "{error:?}");
    assert_eq!(started(&servers, 0), before, "nothing was touched");
    docker(&servers, 0, &["network", "connect", &network, &container]);
    servers.finds(&[Code::Tablespace]);
    assert_eq!(servers.sql(0, "SELECT n FROM kept"), "1");

    // As the finding says.
    servers.sql(0, "ALTER TABLE ALL IN TABLESPACE fast SET TABLESPACE pg_default");
    servers.sql(0, "DROP TABLESPACE fast");
    let ended = finding(&servers, Code::PostgresRestarting);
    assert!(ended.message.contains("/tmp/fast disk"), "also once it is gone: {ended:?}");
    rebuild(&servers, 1);
    servers.settles(0);
    servers.has_rows(1, "1");
}
