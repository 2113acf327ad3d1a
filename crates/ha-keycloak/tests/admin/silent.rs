//! Listeners that are no healthy Keycloak: closed, silent, cut short, read-only.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use ha_core::observe::KeycloakState;
use ha_core::ports::{KeycloakAdmin as _, KeycloakError};
use ha_core::values::Secret;
use ha_keycloak::KeycloakHttp;

use crate::keycloak::{block_on, topology, vm1};

const LIMIT: Duration = Duration::from_secs(2);

fn client(port: u16) -> KeycloakHttp {
    KeycloakHttp::new(topology("127.0.0.1", port))
}

/// Answers each connection with these bytes and closes it.
fn answering(answer: &'static str) -> KeycloakHttp {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the test's process: it waits in `accept`.
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok() {
                drop(stream.write_all(answer.as_bytes()));
            }
        }
    });
    client(port)
}

#[test]
fn where_nobody_listens_it_is_stopped() {
    // Free a moment ago; the kernel does not give it out again so soon.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    block_on(async {
        let keycloak = client(port);
        assert_eq!(keycloak.observe(&vm1(), LIMIT).await.state, KeycloakState::Stopped);
        let error = keycloak.realm_is_served(&vm1(), "master").await;
        assert!(matches!(error, Err(KeycloakError::Unreachable { .. })), "{error:?}");
    });
}

#[test]
fn one_that_never_answers_is_unreachable_within_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let keycloak = client(listener.local_addr().unwrap().port());
    block_on(async {
        let started = Instant::now();
        let seen = keycloak.observe(&vm1(), Duration::from_millis(500)).await;
        assert_eq!(seen.state, KeycloakState::Unreachable);
        assert!(started.elapsed() < 4 * LIMIT, "{:?}", started.elapsed());
        assert!(keycloak.wait_ready(&vm1(), Duration::from_millis(700)).await.is_err());
        assert!(started.elapsed() < 5 * LIMIT, "{:?}", started.elapsed());
    });
}

#[test]
fn a_connection_that_is_cut_is_one_who_starts() {
    let keycloak = answering("");
    block_on(async {
        assert_eq!(keycloak.observe(&vm1(), LIMIT).await.state, KeycloakState::Starting);
    });
}

#[test]
fn what_a_read_only_node_refuses_is_told_as_that() {
    for answer in [
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 56\r\nConnection: close\r\n\r\n\
         {\"error\":\"read_only_node\",\"error_description\":\"a node\"}\n",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 56\r\nConnection: close\r\n\r\n\
         {\"error\":\"read_only_node\",\"error_description\":\"a node\"}\n",
    ] {
        let keycloak = answering(answer);
        block_on(async {
            let refused = keycloak.create_realm(&vm1(), &Secret::new("t"), "sample").await;
            assert!(matches!(refused, Err(KeycloakError::ReadOnly { .. })), "{refused:?}");
        });
    }
}

#[test]
fn an_answer_that_is_no_json_is_shown_shortened() {
    let keycloak =
        answering("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\noops\n");
    block_on(async {
        match keycloak.create_realm(&vm1(), &Secret::new("t"), "sample").await {
            Err(KeycloakError::Unexpected { status: 500, message, .. }) => assert!(message.contains("oops")),
            other => panic!("{other:?}"),
        }
    });
}
