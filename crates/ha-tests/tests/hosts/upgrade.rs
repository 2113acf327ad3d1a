//! An engine that is replaced by a newer one on the same data, as an upgrade of its package does.

use std::path::Path;
use std::sync::Arc;

use ha_core::health::Code;
use ha_core::ports::ContainerRuntime as _;
use ha_tests::hosts::{Hosts, HostsOptions};
use ha_tests::servers::{Servers, ServersOptions};

use crate::by_hand::finding;
use crate::world::image;

/// The standby's engine is replaced in good order: everything is back by itself. The primary's is killed before, and takes its
/// containers for stopped by hand: what is advised starts them.
pub(crate) fn a_newer_engine_goes_on_with_what_the_old_one_had(newer: &Path) {
    let hosts = Arc::new(Hosts::start(&HostsOptions::new(2).machines_engine().image(image())).unwrap());
    let servers = Servers::start(&hosts, &ServersOptions::new("async"));
    servers.sql(0, "CREATE TABLE kept AS SELECT 1 AS n");
    servers.has_rows(1, "1");
    let version = |node| servers.wait(servers.engine(node).engine()).unwrap().version;
    let old = version(0);

    hosts.replace_engine(2, newer).unwrap();
    hosts.stop_engine(2).unwrap();
    hosts.start_engine(2).unwrap();
    servers.settles(0);
    assert_ne!(version(1), old);

    hosts.replace_engine(1, newer).unwrap();
    hosts.kill_engine(1).unwrap();
    hosts.start_engine(1).unwrap();
    assert_eq!(version(0), version(1));
    let told = finding(&servers, Code::PostgresStopped);
    assert!(told.message.contains("or its engine did"), "{told:?}");
    assert!(told.help.contains("`ha-cli up vm1` starts it"), "{told:?}");
    servers.up();
    servers.settles(0);

    // Under the newer ones roles change, and a container is made anew.
    servers.run(&servers.switchover(1).unwrap().plan).unwrap();
    servers.settles(1);
    servers.sql(1, "INSERT INTO kept VALUES (2)");
    servers.has_rows(0, "2");
    servers.wait(servers.engine(0).remove_container(&servers.container(0))).unwrap();
    servers.up();
    servers.settles(1);
    servers.has_rows(0, "2");
}
