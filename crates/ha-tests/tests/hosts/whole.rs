//! The whole pair, real Keycloaks on hosts of their own, in the hands of a person who has `ha-cli` and nothing else.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ha_tests::hosts::{Hosts, HostsOptions};
use ha_tests::keycloak::{Answer, HttpError, Site};
use ha_tests::ledger::{LedgerWriter, Users};
use ha_tests::{PairOptions, fresh_name};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::program::{Ran, Running, command};

/// An operator's, not ours: names in another order than their hosts, a path behind which more than Keycloak may be, passwords
/// that mean something to a shell, to SQL, to libpq, in Java's properties and in TOML.
const NODES: [&str; 2] = ["z1", "a-2nd"];
const PATH: &str = "/sso/auth";
const ADMIN: &str = r#"Admin of the "rig" \$${1} 100%'é"#;
const DATABASE_PASSWORD: &str = r#"'; DROP TABLE realm; -- "\n\$${kc.home.dir} #%25 é"#;
const REPLICATION_PASSWORD: &str = r#"it's a host=evil:5432:*:\ "password" é"#;
const PASSWORD: &str = "Person-of-the-rig-1";
/// Until all is well again after something happened: a Keycloak's start on a busy machine is in it.
const WELL: Duration = Duration::from_secs(150);
/// A realm of the old primary's last moments.
const LOST: &str = "never-arrived";
/// Made at least, between one event and the next.
const USERS: u64 = 10;
/// So that the hosts have time for all else.
const BETWEEN_USERS: Duration = Duration::from_millis(50);
/// Each way: a round trip of more than the 50 ms that `doctor` warns at.
const LATE: Duration = Duration::from_millis(40);
/// Of clocks, and of what was under way.
const SLACK: Duration = Duration::from_secs(1);
const KEYCLOAK_PORTS: [u16; 2] = [3123, 3124];

/// Where a person sits who has two hosts: a folder on a third machine, which is this one.
struct Desk {
    folder: PathBuf,
    keycloaks: Vec<Site>,
    runtime: Runtime,
    hosts: Hosts,
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Desk {
    fn start() -> Self {
        let images = PairOptions::default();
        let options = HostsOptions::new(2).image(&images.postgres_image).image(&images.keycloak_image);
        let hosts = Hosts::start(&options).unwrap();
        let cluster = fresh_name();
        let folder = std::env::temp_dir().join(&cluster);
        std::fs::create_dir_all(&folder).unwrap();
        let url = |host: usize| format!("http://{}:{}{PATH}", hosts.address(host).unwrap(), KEYCLOAK_PORTS[host - 1]);
        // As behind a load balancer: whichever node answers, it is this one's name that people see.
        let public = url(1);
        let keycloaks = [1, 2].map(|host| Site::new(&url(host), &public).unwrap()).into();
        let site = Self { folder, keycloaks, runtime: Runtime::new().unwrap(), hosts };
        let node = |host: usize| format!("{}={}", NODES[host - 1], site.hosts.address(host).unwrap());
        let docker = |host: usize| format!("{}={}", NODES[host - 1], site.hosts.docker(host).unwrap());
        let arguments = [
            "setup",
            "--cluster-name",
            &cluster,
            "--public-url",
            &public,
            "--primary",
            &node(1),
            "--standby",
            &node(2),
            "--docker",
            &docker(1),
            "--docker",
            &docker(2),
            "--postgres-image",
            &images.postgres_image,
            "--keycloak-image",
            &images.keycloak_image,
            "--database",
            "order",
        ];
        let mut setup = command(&site.folder, &arguments);
        setup.env("HA_ADMIN_PASSWORD", ADMIN);
        setup.env("HA_DATABASE_PASSWORD", DATABASE_PASSWORD).env("HA_REPLICATION_PASSWORD", REPLICATION_PASSWORD);
        Running::start(setup).end().ends_with(0);
        site
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ran {
        let begun = Instant::now();
        let ran = Running::start(command(&self.folder, arguments)).end();
        println!("ha-cli {}: {:?} after {:.1} s", arguments.join(" "), ran.code, begun.elapsed().as_secs_f32());
        ran
    }

    /// Looks until all is well, or ends as `code` says.
    #[track_caller]
    fn until(&self, code: i32) -> Value {
        let begun = Instant::now();
        loop {
            let ran = Running::start(command(&self.folder, &["health", "--output", "json"])).end();
            if ran.code == Some(code) {
                println!("health ends with {code} after {:.1} s", begun.elapsed().as_secs_f32());
                return ran.json();
            }
            assert!(begun.elapsed() < WELL, "health never ended with {code}: {ran:#?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn on(&self, host: usize) -> &Site {
        &self.keycloaks[host - 1]
    }

    /// A password login at a host's Keycloak.
    fn login(&self, host: usize, realm: &str, user: &str, password: &str) -> Result<Answer, HttpError> {
        let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", user), ("password", password)];
        let site = self.on(host);
        let request = site.post(&format!("/realms/{realm}/protocol/openid-connect/token")).form(&form);
        self.runtime.block_on(site.send(request))
    }

    /// A change through a host's admin API.
    #[track_caller]
    fn change(&self, host: usize, path: &str, body: &Value) {
        let token = self.login(host, "master", "admin", ADMIN).unwrap().expect(200).unwrap();
        let site = self.on(host);
        let request = site.post(&format!("/admin{path}")).bearer_auth(token.field("access_token").unwrap()).json(body);
        self.runtime.block_on(site.send(request)).unwrap().expect(201).unwrap();
    }

    /// Makes a person at one host's Keycloak, who can log in at both.
    #[track_caller]
    fn person(&self, host: usize, name: &str) {
        let credentials = json!([{ "type": "password", "value": PASSWORD, "temporary": false }]);
        let user = json!({
            "username": name, "enabled": true, "email": format!("{name}@example.org"), "emailVerified": true,
            "firstName": name, "lastName": name, "credentials": credentials,
        });
        self.change(host, "/realms/staff/users", &user);
        for host in [1, 2] {
            self.knows(host, name);
        }
    }

    /// Waits until that person can log in there: replay takes a moment.
    #[track_caller]
    fn knows(&self, host: usize, name: &str) {
        let begun = Instant::now();
        loop {
            let answer = self.login(host, "staff", name, PASSWORD);
            if answer.as_ref().is_ok_and(Answer::is_success) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{name} cannot log in on host {host}: {answer:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether a file in the folder has that in it, among whatever else.
    fn holds(&self, file: &str, text: &str) -> bool {
        let bytes = std::fs::read(self.folder.join(file)).unwrap();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// A writer of users who knows both hosts and never stops.
    #[track_caller]
    fn writer(&self) -> (Users, LedgerWriter) {
        let token = self.login(1, "master", "admin", ADMIN).unwrap().field("access_token").unwrap();
        let users = self.runtime.block_on(Users::make(self.on(1), &token, "ledger")).unwrap();
        let _in = self.runtime.enter();
        let writer = LedgerWriter::begin_users(users.clone(), self.keycloaks.clone(), BETWEEN_USERS);
        (users, writer)
    }

    #[track_caller]
    fn goes_on(&self, writer: &LedgerWriter) {
        assert!(self.runtime.block_on(writer.goes_on(USERS, WELL)), "users are made");
    }

    #[track_caller]
    fn roles(report: &Value, roles: [&str; 2]) {
        assert_eq!([&report["nodes"][0]["role"], &report["nodes"][1]["role"]], roles, "{report}");
    }
}

/// Made, proven, robbed of its primary's host, given back what it lost, changed round, cut: with people who log in all the
/// while.
pub(crate) fn a_pair_with_keycloaks_loses_its_primarys_host_and_gets_it_back() {
    let desk = Desk::start();
    desk.run(&["up", "--yes"]).ends_with(0);
    desk.run(&["verify"]).ends_with(0);
    desk.change(1, "/realms", &json!({ "realm": "staff", "enabled": true }));
    desk.person(1, "ann");

    let (users, writer) = desk.writer();
    desk.goes_on(&writer);

    // What its standby never receives, the primary alone holds.
    desk.hosts.cut(1, 2).unwrap();
    let cut = Instant::now();
    desk.change(1, "/realms", &json!({ "realm": LOST, "enabled": true }));
    desk.goes_on(&writer);

    // Nobody can be asked about a host without power: a person says it.
    desk.hosts.power_off(1).unwrap();
    let dead = Instant::now();
    desk.hosts.heal().unwrap();
    let refused = desk.run(&["failover", "--yes"]).ends_with(5);
    assert!(refused.err.contains("--primary-is-dead"), "{refused:?}");
    desk.knows(2, "ann");
    let asked = Instant::now();
    let done = desk.run(&["failover", "--primary-is-dead", "--yes", "--output", "json"]).ends_with(0).json();
    assert_eq!((&done["from"], &done["to"]), (&NODES[0].into(), &NODES[1].into()), "{done}");
    let proof = done["steps"].as_array().unwrap().iter().find(|step| step["action"] == "prove-service").unwrap();
    assert_eq!(proof["done"], true, "{done}");
    let announced = Duration::from_secs_f64(done["loss"]["seconds"].as_f64().unwrap());
    desk.goes_on(&writer);
    desk.change(2, "/realms", &json!({ "realm": "made-while-alone", "enabled": true }));
    desk.knows(2, "ann");

    // The host is back: its Keycloak comes up with it, and answers nobody as if it were the primary's.
    desk.hosts.boot(1).unwrap();
    let back = desk.run(&["rejoin", NODES[0], "--yes", "--backup", "old.tar"]).ends_with(0);
    assert!(back.err.contains(LOST), "what is about to go is said: {back:?}");
    assert!(desk.holds("old.tar", LOST) && !desk.holds("old.tar", "made-while-alone"), "the old branch, as it was");
    Desk::roles(&desk.until(0), ["standby", "primary"]);
    desk.person(2, "ben");
    desk.knows(1, "ann");

    // Planned, and back to where it began.
    desk.run(&["switchover", "--to", NODES[0], "--yes"]).ends_with(0);
    Desk::roles(&desk.until(0), ["primary", "standby"]);
    desk.person(1, "cid");

    // Each user who was acknowledged is there, but those of the seconds that the failover had announced as lost.
    desk.goes_on(&writer);
    let ledger = desk.runtime.block_on(writer.stop());
    let verdict = ledger.judge(&desk.runtime.block_on(users.on(desk.on(1))).unwrap());
    assert_eq!((&verdict.phantom, &verdict.twice), (&vec![], &vec![]));
    println!("{} of {} users lost, {announced:?} announced", verdict.lost.len(), ledger.acknowledged.len());
    for (user, at) in ledger.acknowledged.iter().filter(|(user, _)| verdict.lost.contains(user)) {
        assert!((cut - SLACK..=dead).contains(at), "user {user} is lost");
        assert!(*at + announced + SLACK >= asked, "that user {user} is lost was not announced");
    }
    assert!(verdict.lost.len() as u64 >= USERS, "the primary alone had them: {verdict:?}");

    // A slow link is found where the runbook has a person look for it, and holds up no login.
    desk.hosts.set_latency(2, LATE).unwrap();
    let found = desk.run(&["doctor", NODES[1], "--output", "json"]).json();
    let checks = found["checks"].as_array().unwrap();
    let trip = checks.iter().find(|check| check["code"] == "peer-round-trip").unwrap();
    assert_eq!((&trip["node"], &trip["result"]), (&NODES[1].into(), &"warning".into()), "{found}");
    desk.knows(2, "cid");
    desk.hosts.set_latency(2, Duration::ZERO).unwrap();

    // The link alone: nobody takes over from a primary that answers, and both go on with what they can.
    desk.hosts.cut(1, 2).unwrap();
    let report = desk.until(3);
    Desk::roles(&report, ["primary", "standby"]);
    let refused = desk.run(&["failover", "--to", NODES[1], "--primary-is-dead", "--yes"]).ends_with(5);
    assert!(refused.err.contains("it answers"), "{refused:?}");
    for host in [1, 2] {
        desk.knows(host, "cid");
    }
    desk.hosts.heal().unwrap();
    desk.until(0);
    desk.person(1, "dan");
    desk.run(&["down", "--volumes", "--yes"]).ends_with(0);
}
