//! Messages as engines write them.

use super::*;

fn said(status: u16, message: &str) -> String {
    format!("{:?}", answer(status, message.to_owned(), "container subject"))
}

#[test]
fn a_taken_port_is_found_in_every_wording() {
    let table = [
        // 20.10, another program.
        (
            "driver failed programming external connectivity on endpoint a (5f0c): Error starting userland proxy: \
             listen tcp4 127.0.0.1:5432: bind: address already in use",
            ("127.0.0.1", 5432),
        ),
        // 20.10, another container.
        (
            "driver failed programming external connectivity on endpoint a (5f0c): Bind for 0.0.0.0:5432 failed: port \
             is already allocated",
            ("0.0.0.0", 5432),
        ),
        ("driver failed …: Bind for :::5432 failed: port is already allocated", ("::", 5432)),
        (
            "driver failed …: Error starting userland proxy: listen tcp6 [fd00::5]:5433: bind: address already in use",
            ("fd00::5", 5433),
        ),
        // 28.0 and later.
        (
            "failed to set up container networking: driver failed programming external connectivity on endpoint a \
             (5f0c): failed to bind host port for 127.0.0.1:5432:172.17.0.2:5432/tcp: address already in use",
            ("127.0.0.1", 5432),
        ),
        (
            "failed to set up container networking: driver failed programming external connectivity on endpoint a \
             (5f0c): failed to bind host port for [fd00::5]:5432:[fd01::2]:5432/tcp: address already in use",
            ("fd00::5", 5432),
        ),
        ("failed to bind host port 0.0.0.0:80/tcp: address already in use", ("0.0.0.0", 80)),
    ];
    for (message, (address, port)) in table {
        let RuntimeError::PortTaken { address: found, port: at } = answer(500, message.to_owned(), "x") else {
            panic!("{message}: {}", said(500, message));
        };
        assert_eq!((found.as_str(), at), (address, port), "{message}");
    }
}

#[test]
fn an_address_of_another_host_is_told() {
    for message in [
        "driver failed programming external connectivity on endpoint a (5f0c): Error starting userland proxy: listen \
         tcp4 192.0.2.9:5432: bind: cannot assign requested address",
        "failed to set up container networking: driver failed programming external connectivity on endpoint a (5f0c): \
         failed to bind host port for 192.0.2.9:5432:172.17.0.2:5432/tcp: cannot assign requested address",
    ] {
        assert!(
            matches!(answer(500, message.to_owned(), "x"), RuntimeError::AddressNotThere { address } if address == "192.0.2.9"),
            "{message}"
        );
    }
}

#[test]
fn what_is_missing_is_named() {
    let table = [
        ("No such container: sso-vm1-postgres", "container sso-vm1-postgres"),
        ("No such image: postgres:17", "image postgres:17"),
        ("get sso-data: no such volume", "volume sso-data"),
        ("network sso not found", "network sso"),
        ("could not find a network matching network mode sso: network sso not found", "network sso"),
        ("No such exec instance: 12", "container subject"),
        ("page not found", "container subject"),
    ];
    for (message, expected) in table {
        assert!(
            matches!(answer(404, message.to_owned(), "container subject"), RuntimeError::NotFound { what } if what == expected),
            "{message}: {}",
            said(404, message)
        );
    }
}

#[test]
fn a_taken_name_is_told_from_other_conflicts() {
    let taken = "Conflict. The container name \"/sso-vm1-postgres\" is already in use by container \"8a1f\". You have to \
                 remove (or rename) that container to be able to reuse that name.";
    assert!(
        matches!(answer(409, taken.to_owned(), "x"), RuntimeError::NameTaken { name } if name == "sso-vm1-postgres")
    );
    let stopped = "Container 8a1f is not running";
    assert!(matches!(answer(409, stopped.to_owned(), "x"), RuntimeError::Refused { status: 409, .. }));
}

#[test]
fn a_full_disk_is_told_wherever_it_is_noticed() {
    for message in [
        "Error response from daemon: mkdir /var/lib/docker/overlay2/5f: no space left on device",
        "failed to register layer: write /usr/lib/x: no space left on device",
        "error while creating mount source path: no space left on device",
    ] {
        assert!(matches!(answer(500, message.to_owned(), "x"), RuntimeError::NoSpace { .. }), "{message}");
    }
}

#[test]
fn a_port_message_without_an_address_is_passed_on_whole() {
    let message = "address already in use";
    assert!(
        matches!(answer(500, message.to_owned(), "x"), RuntimeError::Refused { status: 500, message: m } if m == message)
    );
}
