//! `setup --join`, as on the second host.

use crate::{GOOD, Place};

/// The first host's files, as `scp` leaves them: readable by all.
fn arrived(text: &str) -> Place {
    let place = Place::new();
    place
        .write("from/ha.toml", text)
        .write("from/ha.secrets.toml", crate::SECRETS)
        .chmod("from/ha.secrets.toml", 0o644);
    place
}

/// An address of the machine that runs the test, which is not loopback; some have none.
fn own_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: it only asks which address would be used.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then(|| address.to_string())
}

#[test]
fn it_installs_both_files_and_says_which_node_this_is() {
    let Some(mine) = own_address() else { return };
    let place = arrived(&GOOD.replace("192.0.2.12", &mine));
    let ran = place.run(&["setup", "--join", "from/ha.toml"]).ends_with(0);
    assert!(ran.out.contains("This machine is vm2.") && ran.out.ends_with("Next: ha-cli up vm2\n"), "{}", ran.out);
    assert!(ran.out.contains("others can read from/ha.secrets.toml"), "{}", ran.out);
    assert_eq!(place.mode("ha.secrets.toml"), 0o600);
    assert_eq!(place.read("ha.toml"), place.read("from/ha.toml"));
    place.run(&["config", "check", "--offline"]).ends_with(0);
    let again = place.run(&["setup", "--join", "from/ha.toml"]).ends_with(0);
    assert!(again.out.contains("in place already"), "{}", again.out);
}

#[test]
fn another_file_in_its_place_stays() {
    let place = arrived(GOOD);
    place.write("ha.toml", "schema = 1 # another\n");
    let ran = place.run(&["setup", "--join", "from/ha.toml", "--node", "vm2"]).ends_with(2);
    assert!(ran.err.contains("ha.toml exists already"), "{}", ran.err);
    assert_eq!(place.read("ha.toml"), "schema = 1 # another\n");
    place.run(&["setup", "--join", "from/ha.toml", "--node", "vm2", "--force"]).ends_with(0);
    assert_eq!(place.read("ha.toml"), GOOD);
}

/// Its hooks run with the rights of whoever runs a command.
#[test]
fn what_others_could_have_changed_is_not_taken_over() {
    let place = arrived(GOOD);
    place.chmod("from/ha.toml", 0o666);
    let ran = place.run(&["setup", "--join", "from/ha.toml", "--node", "vm2"]).ends_with(2);
    assert!(ran.err.contains("can be changed by others (mode 0666)") && ran.err.contains("chmod go-w"), "{}", ran.err);
    place.chmod("from/ha.toml", 0o644).chmod("from", 0o777);
    let ran = place.run(&["setup", "--join", "from/ha.toml", "--node", "vm2"]).ends_with(2);
    assert!(ran.err.contains("can be replaced by others"), "{}", ran.err);
    assert_eq!(place.files(), ["from"]);
}

#[test]
fn files_that_are_in_place_get_their_rights_mended() {
    let place = Place::new();
    place.write("ha.toml", GOOD).write("ha.secrets.toml", crate::SECRETS).chmod("ha.secrets.toml", 0o644);
    place.run(&["config", "check", "--offline"]).ends_with(2);
    place.run(&["setup", "--join", "ha.toml", "--node", "vm2"]).ends_with(0);
    assert_eq!(place.mode("ha.secrets.toml"), 0o600);
    place.run(&["config", "check", "--offline"]).ends_with(0);
}

#[test]
fn a_machine_that_is_no_node_is_told_so() {
    let place = arrived(GOOD);
    let ran = place.run(&["setup", "--join", "from/ha.toml"]).ends_with(2);
    assert!(ran.err.contains("vm2 (192.0.2.12)") && ran.err.contains("--node"), "{}", ran.err);
    place.run(&["setup", "--join", "from/ha.toml", "--node", "vm9"]).ends_with(2);
    assert_eq!(place.files(), ["from"]);
    let json = place.run(&["setup", "--join", "from/ha.toml", "--node", "vm2", "--output", "json"]).ends_with(0).json();
    assert_eq!(json["here"], serde_json::json!(["vm2"]));
}

#[test]
fn a_third_machine_joins_by_endpoints() {
    let text = GOOD.replace("role = \"primary\"", "role = \"primary\"\ndocker = \"ssh://root@192.0.2.11\"");
    let place = arrived(&text.replace("role = \"standby\"", "role = \"standby\"\ndocker = \"ssh://root@192.0.2.12\""));
    let ran = place.run(&["setup", "--join", "from/ha.toml"]).ends_with(0);
    assert!(ran.out.contains("none of the nodes"), "{}", ran.out);
}

#[test]
fn what_is_wrong_with_either_file_is_said_and_nothing_installed() {
    let place = arrived(&GOOD.replace("192.0.2.12", "x"));
    place.write("from/ha.secrets.toml", "probe_password = \"canary\"\n");
    let ran = place.run(&["setup", "--join", "from/ha.toml"]).ends_with(2);
    assert!(ran.err.contains("nodes[1].address") && ran.err.contains("probe_password"), "{}", ran.err);
    assert!(!ran.err.contains("canary"), "{}", ran.err);
    assert_eq!(place.files(), ["from"]);
    place.run(&["setup", "--join", "nowhere/ha.toml"]).ends_with(2);
}

#[test]
fn joining_and_describing_do_not_mix() {
    let place = arrived(GOOD);
    place.run(&["setup", "--join", "from/ha.toml", "--demo"]).ends_with(2);
    place.run(&["setup", "--node", "vm2"]).ends_with(2);
}
