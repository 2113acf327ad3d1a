//! Engines that end while their host goes on.

use ha_core::ports::{ContainerRuntime, RuntimeError};

use crate::actor::{Actor, Stage};
use crate::world::World;

const PORT: u16 = 7000;

fn is_unreachable(world: &World) {
    let error = world.wait(world.engine(1).engine()).unwrap_err();
    assert!(matches!(error, RuntimeError::Unreachable { .. }), "{error:?}");
}

pub(crate) fn a_stopped_engine_stays_stopped_and_is_the_same_afterwards(world: &World) {
    let hosts = &world.hosts;
    let id = world.engine_id(1);
    let _echo = Actor::echo(hosts, 1, PORT);
    let mut connection = Actor::connected(Stage::Host(hosts, 2), hosts.address(1).unwrap(), PORT);
    hosts.stop_engine(1).unwrap();
    // Longer than a service manager waits before it starts one again.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    is_unreachable(world);
    connection.round_trip();
    hosts.start_engine(1).unwrap();
    assert_eq!(world.engine_id(1), id);
}

pub(crate) fn a_killed_engine_comes_back(world: &World) {
    let hosts = &world.hosts;
    let id = world.engine_id(1);
    hosts.kill_engine(1).unwrap();
    is_unreachable(world);
    hosts.start_engine(1).unwrap();
    assert_eq!(world.engine_id(1), id);
}
