//! Hosts that hang, go off, and come back.

use std::time::Duration;

use ha_core::ports::{ContainerRuntime, ContainerSpec, ContainerStatus, Mount, RestartPolicy, RuntimeError};
use ha_tests::hosts::{End, HostsError};

use crate::actor::{Actor, Stage};
use crate::world::{World, eventually, shell};

const PORT: u16 = 7000;
const VOLUME: &str = "kept";

/// With a volume, and started again after a boot. When it is stopped in good order, by whichever signal the image says, it
/// writes so into the volume.
fn keeper() -> ContainerSpec {
    let script = "trap 'echo well >/kept/end; exit' TERM INT; touch /ready; while :; do sleep 600 & wait $!; done";
    ContainerSpec {
        mounts: vec![Mount { volume: VOLUME.to_owned(), path: "/kept".to_owned(), read_only: false }],
        restart: RestartPolicy::UnlessStopped,
        init: false,
        ..shell("keeper", script)
    }
}

fn is_running(world: &World, host: usize, name: &str) -> bool {
    let found = world.wait(world.engine(host).find_container(name)).unwrap();
    found.is_some_and(|container| container.status == ContainerStatus::Running)
}

fn remove_volume(world: &World, host: usize) {
    world.wait(world.engine(host).remove_volume(VOLUME)).unwrap();
}

pub(crate) fn a_frozen_host_accepts_and_does_not_answer(world: &World) {
    let hosts = &world.hosts;
    let _echo = Actor::echo(hosts, 2, PORT);
    let address = hosts.address(2).unwrap();
    let mut connection = Actor::connected(Stage::Host(hosts, 1), address, PORT);
    let container = world.container(2, &shell("counter", "n=0; while :; do echo $((n += 1)) >/n; sleep 0.05; done"));
    hosts.freeze(2).unwrap();
    connection.is_stalled();
    // The kernel shakes hands for a program that hangs.
    Actor::connected(Stage::Host(hosts, 1), address, PORT).is_stalled();
    let engine = world.engine(2).with_call_limit(Duration::from_secs(1));
    let error = world.wait(engine.engine()).unwrap_err();
    assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error:?}");
    assert!(matches!(hosts.exec(2, &["true"]), Err(HostsError::Frozen { number: 2, .. })));
    assert!(hosts.is_on(2).unwrap());
    hosts.thaw(2).unwrap();
    connection.round_trip();
    let count = container.says("cat /n");
    eventually("the container goes on", || container.says("cat /n") != count);
}

pub(crate) fn power_off_is_silent_and_boot_brings_volumes_and_containers_back(world: &World) {
    let hosts = &world.hosts;
    let address = hosts.address(1).unwrap();
    let id = world.engine_id(1);
    world.wait(world.engine(1).ensure_volume(VOLUME, &Default::default())).unwrap();
    let container = world.container(1, &keeper());
    container.says("echo 1 >/kept/file && sync /kept/file");
    let echo = Actor::echo(hosts, 1, PORT);
    let mut other = Actor::connected(Stage::Host(hosts, 2), address, PORT);
    let mut machine = Actor::connected(Stage::Machine, address, PORT);
    other.round_trip();
    hosts.power_off(1).unwrap();
    assert!(!hosts.is_on(1).unwrap());
    // Nobody was told: no end of a connection, no refusal of a new one.
    other.is_stalled();
    machine.is_stalled();
    assert_eq!(Actor::attempt(Stage::Host(hosts, 2), address, PORT), "no connection: timed out");
    assert!(matches!(hosts.exec(1, &["true"]), Err(HostsError::Off { number: 1, .. })));
    let error = world.wait(world.engine(1).engine()).unwrap_err();
    assert!(matches!(error, RuntimeError::Unreachable { .. }), "{error:?}");
    drop(echo);
    hosts.power_off(1).unwrap();
    hosts.boot(1).unwrap();
    assert_eq!(world.engine_id(1), id);
    eventually("the container runs again", || is_running(world, 1, &container.name));
    assert_eq!(container.says("cat /kept/file; ls /kept"), "1\nfile");
    // A host that has come back knows nothing of the connection, and says so.
    assert_eq!(other.says("5000"), "broken: connection reset");
    drop(container);
    remove_volume(world, 1);
}

pub(crate) fn a_shut_down_lets_containers_end_well(world: &World) {
    let hosts = &world.hosts;
    world.wait(world.engine(1).ensure_volume(VOLUME, &Default::default())).unwrap();
    let container = world.container(1, &keeper());
    eventually("it is ready to be stopped", || container.run("test -e /ready").exit_code == 0);
    hosts.shut_down(1).unwrap();
    assert!(!hosts.is_on(1).unwrap());
    hosts.boot(1).unwrap();
    eventually("the container runs again", || is_running(world, 1, &container.name));
    assert_eq!(container.says("cat /kept/end"), "well");
    drop(container);
    remove_volume(world, 1);
}

pub(crate) fn faults_outlive_a_power_off(world: &World) {
    const DELAY: Duration = Duration::from_millis(40);
    let hosts = &world.hosts;
    let address = hosts.address(2).unwrap();
    hosts.cut(1, 2).unwrap();
    hosts.set_latency(2, DELAY).unwrap();
    hosts.power_off(2).unwrap();
    hosts.boot(2).unwrap();
    let _echo = Actor::echo(hosts, 2, PORT);
    assert_eq!(Actor::attempt(Stage::Host(hosts, 1), address, PORT), "no connection: timed out");
    assert!(Actor::connected(Stage::Machine, address, PORT).round_trip() >= 2 * DELAY);
    hosts.set_latency(2, Duration::ZERO).unwrap();
    hosts.heal_between(End::Host(1), End::Host(2)).unwrap();
    assert!(Actor::connected(Stage::Host(hosts, 1), address, PORT).round_trip() < DELAY);
}
