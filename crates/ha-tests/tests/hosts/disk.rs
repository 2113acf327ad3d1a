//! A host with a disk of its own.

use ha_core::health::Code;
use ha_core::ports::{ContainerRuntime, ContainerSpec, Mount, RestartPolicy};
use ha_tests::servers::{Servers, ServersOptions};

use crate::world::{World, eventually, shell};

fn keeper() -> ContainerSpec {
    ContainerSpec {
        mounts: vec![Mount { volume: "data".to_owned(), path: "/data".to_owned(), read_only: false }],
        restart: RestartPolicy::UnlessStopped,
        ..shell("keeper", "exec sleep 600")
    }
}

pub(crate) fn a_full_disk_is_full_inside_containers_and_mended(world: &World) {
    world.wait(world.engine(1).ensure_volume("data", &Default::default())).unwrap();
    let container = world.container(1, &keeper());
    container.says("echo before >/data/before");
    world.hosts.fill_disk(1).unwrap();
    let output = container.run("LC_ALL=C dd if=/dev/zero of=/data/file bs=16k count=4 conv=fsync");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.exit_code != 0 && complaint.contains("No space left on device"), "{complaint}");
    assert_eq!(container.says("cat /data/before"), "before");
    world.hosts.free_disk(1).unwrap();
    container.says("dd if=/dev/zero of=/data/file bs=16k count=4 conv=fsync && rm /data/file");
}

/// By the server itself, which asks its host; and that the disk has room again is seen, too.
pub(crate) fn a_full_disk_is_told_while_the_server_still_runs(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    servers.finds(&[]);
    world.hosts.fill_disk(1).unwrap();
    let report = servers.finds(&[Code::DiskLow]);
    let low: Vec<_> = report.findings.iter().filter(|it| it.code == Code::DiskLow).map(|it| &it.node).collect();
    assert_eq!(low, [&Some(servers.name(0).clone())], "{:?}", report.findings);
    world.hosts.free_disk(1).unwrap();
    servers.finds(&[]);
}

pub(crate) fn power_off_loses_what_was_not_synchronised(world: &World) {
    world.wait(world.engine(1).ensure_volume("data", &Default::default())).unwrap();
    let container = world.container(1, &keeper());
    container.says("echo kept >/data/kept && sync /data/kept /data && echo lost >/data/lost");
    assert_eq!(container.says("cat /data/kept /data/lost"), "kept\nlost");
    world.hosts.power_off(1).unwrap();
    world.hosts.boot(1).unwrap();
    eventually("the container runs again", || {
        let found = world.wait(world.engine(1).find_container(&container.name)).unwrap();
        found.is_some_and(|found| found.status == ha_core::ports::ContainerStatus::Running)
    });
    assert_eq!(container.says("cat /data/kept"), "kept");
    assert_eq!(container.says("cat /data/lost 2>/dev/null || true"), "", "the page cache has survived");
}
