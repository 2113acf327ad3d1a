//! What keeps a container from being made or started.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use bollard::Docker;
use bollard::models::NetworkCreateRequest;
use ha_core::ports::{ContainerRuntime, NoProgress, PortBinding, RuntimeError};
use ha_docker::DockerRuntime;
use std::sync::Arc;

use crate::support::{Owned, engine};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn published(address: IpAddr, host_port: u16) -> PortBinding {
    PortBinding { address, host_port, container_port: 5432 }
}

/// A container with a network and one port of the host.
async fn make(own: &Owned, port: PortBinding) {
    own.runtime.ensure_network(&own.name, &own.labels()).await.unwrap();
    let mut spec = own.shell("exec sleep 600");
    spec.network = Some(own.name.clone());
    spec.aliases = vec!["alias".to_owned()];
    spec.ports = vec![port];
    own.runtime.create_container(&spec).await.unwrap();
}

/// Whether a start that fails takes the container off its network for good, as from Docker 29.1 on (moby #51758).
async fn takes_off_the_network(engine: &DockerRuntime) -> bool {
    let version = engine.engine().await.unwrap().version;
    version.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= 29)
}

#[tokio::test]
async fn a_port_of_another_program_is_named_and_free_again_it_serves() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    make(&own, published(LOOPBACK, port)).await;
    let error = engine.start_container(&own.name).await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::PortTaken { address, port: taken } if address == "127.0.0.1" && *taken == port),
        "{error:?}"
    );
    drop(listener);
    if takes_off_the_network(&engine).await {
        assert!(engine.find_container(&own.name).await.unwrap().unwrap().off_network);
        engine.remove_container(&own.name).await.unwrap();
        make(&own, published(LOOPBACK, port)).await;
    }
    engine.start_container(&own.name).await.expect("the port is free");
    let ports = engine.find_container(&own.name).await.unwrap().unwrap().ports;
    assert_eq!(ports, [published(LOOPBACK, port)]);
    assert_eq!(crate::execs::shell(&engine, &own.name, "getent hosts alias >/dev/null && echo known").await, "known\n");
}

#[tokio::test]
async fn an_address_of_another_host_is_named() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    // Set aside for documents (RFC 5737), so nobody's.
    make(&own, published("192.0.2.77".parse().unwrap(), 15432)).await;
    let error = engine.start_container(&own.name).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::AddressNotThere { address } if address == "192.0.2.77"), "{error:?}");
    // Whoever asks later, as after a boot that came before the address, is told the same.
    let found = engine.find_container(&own.name).await.unwrap().unwrap();
    assert!(found.start_error.is_some_and(|error| error.contains("cannot assign requested address")));
    assert_eq!(found.off_network, takes_off_the_network(&engine).await);
}

#[tokio::test]
async fn a_network_that_was_taken_away_is_told() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    make(&own, published(LOOPBACK, port)).await;
    engine.start_container(&own.name).await.unwrap();
    let found = engine.find_container(&own.name).await.unwrap().unwrap();
    assert!(!found.off_network && found.start_error.is_none(), "{found:?}");
    engine.stop_container(&own.name, crate::support::PATIENCE).await.unwrap();
    engine.remove_network(&own.name).await.unwrap();
    let error = engine.start_container(&own.name).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::NotFound { what } if what.starts_with("network ")), "{error:?}");
    // A container without any network of its own misses none.
    engine.remove_container(&own.name).await.unwrap();
    own.running().await;
    assert!(!engine.find_container(&own.name).await.unwrap().unwrap().off_network);
}

/// Two who make a network at the same moment make two of it, on engines before 25; newer ones refuse the second.
#[tokio::test]
async fn a_network_that_was_made_twice_is_one_again_when_a_container_starts() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    make(&own, published(LOOPBACK, 0)).await;
    let request = NetworkCreateRequest {
        name: own.name.clone(),
        labels: Some(own.labels().into_iter().collect()),
        ..NetworkCreateRequest::default()
    };
    let twin = Docker::connect_with_defaults().unwrap().create_network(request).await;
    engine.start_container(&own.name).await.expect("the name means one network again");
    assert!(engine.remove_container(&own.name).await.unwrap());
    assert!(engine.remove_network(&own.name).await.unwrap());
    assert!(!engine.remove_network(&own.name).await.unwrap(), "none is left of {twin:?}");
}

#[tokio::test]
async fn a_taken_name_is_named() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let spec = own.shell("exit 0");
    engine.create_container(&spec).await.unwrap();
    let error = engine.create_container(&spec).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::NameTaken { name } if *name == own.name), "{error:?}");
}

#[tokio::test]
async fn an_unknown_image_is_named_and_cannot_be_pulled_from_nowhere() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    // Nobody listens on port 1, so the registry is certain to refuse at once.
    let unknown = "127.0.0.1:1/hatest/unknown:1";
    assert_eq!(engine.find_image(unknown).await.unwrap(), None);
    let mut spec = own.shell("exit 0");
    spec.image = unknown.to_owned();
    let error = engine.create_container(&spec).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::NotFound { what } if what == &format!("image {unknown}")), "{error:?}");
    let error = engine.pull_image(unknown, Arc::new(NoProgress)).await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::PullFailed { reference, message } if reference == unknown && message.contains("refused")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_missing_network_is_named() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    let mut spec = own.shell("exit 0");
    spec.network = Some(format!("{}-none", own.name));
    // Engines differ in when they look.
    let error = match engine.create_container(&spec).await {
        Ok(_) => engine.start_container(&own.name).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(
        matches!(&error, RuntimeError::NotFound { what } if *what == format!("network {}-none", own.name)),
        "{error:?}"
    );
}
