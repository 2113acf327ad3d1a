//! What is cut is silent, and nothing else is.

use std::time::Duration;

use ha_tests::hosts::{End, Hosts};

use crate::actor::{Actor, Stage};
use crate::world::World;

/// Not refused, and not told that there is no way: nothing at all comes back.
const NOTHING: &str = "no connection: timed out";
const OTHER_PORT: u16 = 7000;

/// Two hosts, each serving on PostgreSQL's port and on another.
struct Served<'w> {
    hosts: &'w Hosts,
    _echoes: Vec<Actor>,
}

impl<'w> Served<'w> {
    fn on(world: &'w World) -> Self {
        let hosts = &world.hosts;
        let echoes = [(1, 5432), (1, OTHER_PORT), (2, 5432), (2, OTHER_PORT)];
        Self { hosts, _echoes: echoes.map(|(host, port)| Actor::echo(hosts, host, port)).into() }
    }

    fn connected(&self, from: impl Into<End>, to: usize, port: u16) -> Actor {
        Actor::connected(self.stage(from), self.hosts.address(to).unwrap(), port)
    }

    fn attempt(&self, from: impl Into<End>, to: usize, port: u16) -> String {
        Actor::attempt(self.stage(from), self.hosts.address(to).unwrap(), port)
    }

    fn stage(&self, end: impl Into<End>) -> Stage<'w> {
        match end.into() {
            End::Host(host) => Stage::Host(self.hosts, host),
            End::Machine => Stage::Machine,
        }
    }
}

impl Drop for Served<'_> {
    /// For the tests that come after one that failed.
    fn drop(&mut self) {
        drop(self.hosts.heal());
    }
}

pub(crate) fn a_cut_stalls_what_is_connected_and_answers_nobody(world: &World) {
    let served = Served::on(world);
    let (mut there, mut back) = (served.connected(1, 2, OTHER_PORT), served.connected(2, 1, OTHER_PORT));
    let mut machine = served.connected(End::Machine, 2, OTHER_PORT);
    there.round_trip();
    back.round_trip();
    served.hosts.cut(1, 2).unwrap();
    there.is_stalled();
    back.is_stalled();
    assert_eq!(served.attempt(1, 2, OTHER_PORT), NOTHING);
    assert_eq!(served.attempt(2, 1, OTHER_PORT), NOTHING);
    machine.round_trip();
    served.hosts.heal_between(2, 1).unwrap();
    // The very connections go on.
    there.round_trip();
    back.round_trip();
    served.connected(1, 2, OTHER_PORT);
}

pub(crate) fn a_cut_to_the_machine_leaves_the_hosts_connected(world: &World) {
    let served = Served::on(world);
    let mut hosts = served.connected(1, 2, OTHER_PORT);
    let mut machine = served.connected(End::Machine, 1, OTHER_PORT);
    served.hosts.cut(1, End::Machine).unwrap();
    machine.is_stalled();
    assert_eq!(served.attempt(End::Machine, 1, OTHER_PORT), NOTHING);
    served.connected(End::Machine, 2, OTHER_PORT);
    hosts.round_trip();
    served.hosts.heal().unwrap();
    machine.round_trip();
}

pub(crate) fn one_way_is_one_way(world: &World) {
    const PORT: u16 = 7001;
    let hosts = &world.hosts;
    let served = Served::on(world);
    let echo = Actor::echo(hosts, 2, PORT);
    let mut sender = Actor::on(Stage::Host(hosts, 1), &["send", &format!("{}:{PORT}", hosts.address(2).unwrap())]);
    assert_eq!(sender.hears(Duration::from_secs(10)).as_deref(), Some("ready"));
    let came = || echo.hears(Duration::from_secs(1));
    assert_eq!((sender.says("a").as_str(), came().as_deref()), ("answered", Some("came a")));
    // The answer's way: what is sent still comes.
    hosts.cut_one_way(2, 1).unwrap();
    assert_eq!((sender.says("b").as_str(), came().as_deref()), ("silent", Some("came b")));
    hosts.heal().unwrap();
    hosts.cut_one_way(1, 2).unwrap();
    assert_eq!((sender.says("c").as_str(), came()), ("silent", None));
    // A connection needs both ways, whoever begins.
    assert_eq!(served.attempt(2, 1, OTHER_PORT), NOTHING);
    hosts.heal().unwrap();
    assert_eq!((sender.says("d").as_str(), came().as_deref()), ("answered", Some("came d")));
}

pub(crate) fn a_port_is_cut_alone(world: &World) {
    let served = Served::on(world);
    let mut database = served.connected(1, 2, 5432);
    let mut other = served.connected(1, 2, OTHER_PORT);
    served.hosts.cut_port(1, 2, 5432).unwrap();
    database.is_stalled();
    assert_eq!([served.attempt(1, 2, 5432), served.attempt(2, 1, 5432)], [NOTHING, NOTHING]);
    other.round_trip();
    served.connected(2, 1, OTHER_PORT);
    served.connected(End::Machine, 2, 5432);
    served.hosts.heal_between(1, 2).unwrap();
    database.round_trip();
}

pub(crate) fn an_isolated_host_is_silent_but_for_its_socket(world: &World) {
    let served = Served::on(world);
    let id = world.engine_id(1);
    served.hosts.cut(1, 2).unwrap();
    served.hosts.isolate(1).unwrap();
    assert_eq!(served.attempt(End::Machine, 1, OTHER_PORT), NOTHING);
    assert_eq!(served.attempt(1, 2, OTHER_PORT), NOTHING);
    assert_eq!(world.engine_id(1), id);
    served.hosts.rejoin(1).unwrap();
    served.connected(End::Machine, 1, OTHER_PORT);
    assert_eq!(served.attempt(1, 2, OTHER_PORT), NOTHING, "what was cut between two stays cut");
}

pub(crate) fn latency_is_added_to_each_way(world: &World) {
    const DELAY: Duration = Duration::from_millis(40);
    let served = Served::on(world);
    let mut hosts = served.connected(1, 2, OTHER_PORT);
    let mut machine = served.connected(End::Machine, 1, OTHER_PORT);
    let mut elsewhere = served.connected(End::Machine, 2, OTHER_PORT);
    hosts.round_trip();
    assert!(hosts.round_trip() < DELAY);
    served.hosts.set_latency(1, DELAY).unwrap();
    for connection in [&mut hosts, &mut machine] {
        connection.round_trip();
        let late = connection.round_trip();
        assert!((2 * DELAY..2 * DELAY + DELAY).contains(&late), "{late:?}");
    }
    assert!(elsewhere.round_trip() < DELAY);
    // Cuts still cut what is late.
    served.hosts.cut(1, 2).unwrap();
    hosts.is_stalled();
    served.hosts.heal().unwrap();
    served.hosts.set_latency(1, Duration::ZERO).unwrap();
    hosts.round_trip();
    assert!(hosts.round_trip() < DELAY);
}
