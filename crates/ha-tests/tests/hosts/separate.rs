//! Hosts are hosts of their own, and reach each other.

use ha_core::ports::{ContainerRuntime, PortBinding};
use ha_docker::DockerRuntime;

use crate::actor::{Actor, Stage};
use crate::world::{World, eventually, image, shell};

/// Serves on PostgreSQL's port and sends lines back: Perl is in the image for PostgreSQL's own scripts.
const ECHO: &str = "exec perl -MIO::Socket::INET -e '
my $listener = IO::Socket::INET->new(Listen => 9, LocalPort => 5432, ReuseAddr => 1) or die;
while (my $stream = $listener->accept) { next if fork; while (<$stream>) { print $stream $_; $stream->flush } exit }'";

pub(crate) fn engines_addresses_and_names_are_each_hosts_own(world: &World) {
    let (one, other) = world.wait(async {
        let (one, other) = (world.engine(1), world.engine(2));
        (one.engine().await.unwrap(), other.engine().await.unwrap())
    });
    let machine = world.wait(DockerRuntime::local().engine()).unwrap();
    assert!(one.id != other.id && one.id != machine.id && other.id != machine.id);
    assert_eq!((one.host.as_str(), other.host.as_str()), ("vm1", "vm2"));
    assert_eq!(one.root_dir, "/var/lib/docker");
    assert_ne!(world.hosts.address(1).unwrap(), world.hosts.address(2).unwrap());
    // What is made on the one is not on the other, nor on the machine.
    let _container = world.container(1, &shell("only-here", "exec sleep 600"));
    let found = |engine: DockerRuntime| world.wait(engine.find_container("only-here")).unwrap().is_some();
    assert_eq!([found(world.engine(1)), found(world.engine(2)), found(DockerRuntime::local())], [true, false, false]);
    for host in 1..=2 {
        assert!(world.wait(world.engine(host).find_image(&image())).unwrap().is_some());
    }
    // The client in a host speaks to that host's engine.
    let output = world.hosts.exec(2, &["docker", "info", "--format", "{{.ID}}"]).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), other.id);
}

pub(crate) fn a_published_port_answers_hosts_containers_and_the_machine(world: &World) {
    let address = world.hosts.address(1).unwrap();
    world.wait(world.engine(1).ensure_network("published", &Default::default())).unwrap();
    world.wait(world.engine(2).ensure_network("published", &Default::default())).unwrap();
    let mut server = shell("published", ECHO);
    server.network = Some("published".to_owned());
    server.ports = vec![PortBinding { address, host_port: 5432, container_port: 5432 }];
    let server = world.container(1, &server);
    let mut client = shell("client", "exec sleep 600");
    client.network = Some("published".to_owned());
    let client = world.container(2, &client);
    eventually("the server listens", || Actor::attempt(Stage::Machine, address, 5432) == "connected");
    for stage in [Stage::Machine, Stage::Host(&world.hosts, 1), Stage::Host(&world.hosts, 2)] {
        Actor::connected(stage, address, 5432).round_trip();
    }
    let script = format!("exec 3<>/dev/tcp/{address}/5432 && echo well >&3 && read -t 5 -r line <&3 && echo \"$line\"");
    assert_eq!(client.says(&script), "well");
    drop((server, client));
    for host in 1..=2 {
        world.wait(world.engine(host).remove_network("published")).unwrap();
    }
}
