//! The Keycloak of a node.
//!
//! The image from the topology is prepared once on each engine: the standby extension is added and `kc.sh build` run,
//! so that a start takes no augmentation. Both nodes run it with the same options; the files that hold secrets are put
//! into the container through Docker's API.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Component, LABEL_COMPONENT, LABEL_SPEC, MachineShare, container_name, labels, network_name, spec_hash};
use crate::ports::{ContainerSpec, HostFile, Image, ImageBuild, PortBinding, RestartPolicy};
use crate::secrets::Secrets;
use crate::topology::{Node, ProxyHeaders, Topology};

/// Keycloak's port inside its container.
pub const KEYCLOAK_HTTP_PORT: u16 = 8080;

/// PostgreSQL's container may come back with another address, has none while it is stopped, and in the demo its old one may
/// have become the other node's: a Keycloak that remembers addresses is without its database for long, or talks to the
/// wrong one. Java remembers an answer for 30 s and a failure for 10 s (`InetAddressCachePolicy`); Docker's DNS server
/// is on the same host. The second of the two cannot be set by a system property: `java.security` has it.
const JAVA_SECURITY: &str = "networkaddress.cache.ttl=0\nnetworkaddress.cache.negative.ttl=0\n";
const JAVA_SECURITY_PATH: &str = "/opt/keycloak/conf/ha-java.security";
const CONF_PATH: &str = "/opt/keycloak/conf/keycloak.conf";
/// The user of Keycloak's image, and its group.
const KEYCLOAK_UID: u32 = 1000;
const KEYCLOAK_GID: u32 = 0;
/// The client of ha-cli's own in the master realm: may create realms, and administer those it made, nothing else.
pub const SERVICE_CLIENT: &str = "ha-cli";
/// The client with which the very first set-up is done; removed by it.
pub(crate) const BOOTSTRAP_CLIENT: &str = "ha-bootstrap";

/// The jar that makes a Keycloak work on a standby, and the driver class in it.
#[derive(Debug, Clone, Copy)]
pub struct KeycloakExtension {
    /// The jar.
    pub jar: &'static [u8],
    /// The JDBC driver to name in `db-driver`.
    pub driver_class: &'static str,
}

pub(super) const fn proxy_headers(headers: ProxyHeaders) -> Option<&'static str> {
    match headers {
        ProxyHeaders::None => None,
        ProxyHeaders::XForwarded => Some("xforwarded"),
        ProxyHeaders::Forwarded => Some("forwarded"),
    }
}

/// The path under which Keycloak serves: that of the public URL, `/` when it has none.
#[must_use]
pub fn keycloak_base_path(topology: &Topology) -> &str {
    let url = &topology.cluster.public_url;
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    url[after_scheme..].find('/').map_or("/", |at| &url[after_scheme + at..])
}

/// Options that take effect at build time; a start with others would augment again.
fn build_options(topology: &Topology, extension: KeycloakExtension) -> Vec<String> {
    let mut options = vec![
        "--db=postgres".to_owned(),
        format!("--db-driver={}", extension.driver_class),
        "--transaction-xa-enabled=false".to_owned(),
        "--health-enabled=true".to_owned(),
        "--metrics-enabled=true".to_owned(),
    ];
    let path = keycloak_base_path(topology);
    if path != "/" {
        options.push(format!("--http-relative-path={path}"));
    }
    options
}

fn dockerfile(topology: &Topology, base: &Image, extension: KeycloakExtension) -> String {
    let copy = format!("COPY --chown={KEYCLOAK_UID}:{KEYCLOAK_GID}");
    format!(
        "FROM {}\n\
         {copy} ha-standby.jar /opt/keycloak/providers/ha-standby.jar\n\
         {copy} ha-java.security {JAVA_SECURITY_PATH}\n\
         ENV JAVA_OPTS_APPEND=\"$JAVA_OPTS_APPEND -Djava.security.properties={JAVA_SECURITY_PATH}\"\n\
         RUN /opt/keycloak/bin/kc.sh build {}\n",
        base.id,
        build_options(topology, extension).join(" ")
    )
}

/// The tag of the prepared image: the same wherever image, extension and build-time options are the same.
#[must_use]
pub fn keycloak_image_tag(topology: &Topology, base: &Image, extension: KeycloakExtension) -> String {
    let mut hash = Sha256::new();
    hash.update(dockerfile(topology, base, extension));
    hash.update(JAVA_SECURITY);
    hash.update(extension.jar);
    format!("ha-cli/keycloak:{}", super::spec_hash::short(&hash.finalize()))
}

/// How the prepared image is built from `base`.
#[must_use]
pub fn keycloak_image(topology: &Topology, base: &Image, extension: KeycloakExtension) -> ImageBuild {
    ImageBuild {
        tag: keycloak_image_tag(topology, base, extension),
        context: vec![
            HostFile::new("Dockerfile", dockerfile(topology, base, extension), 0o644),
            HostFile::new("ha-java.security", JAVA_SECURITY, 0o644),
            HostFile::new("ha-standby.jar", extension.jar, 0o644),
        ],
        labels: [("org.ha-cli.base".to_owned(), topology.images.keycloak.clone())].into(),
    }
}

/// `keycloak.conf` without its secrets.
#[must_use]
pub fn keycloak_conf(topology: &Topology, node: &Node) -> String {
    let postgres = &topology.postgres;
    let keycloak = &topology.keycloak;
    let host = container_name(topology, &node.name, Component::Postgres);
    // `any`: by default Keycloak asks for a primary and does not even start on a standby.
    let url = format!(
        "jdbc:postgresql://{host}:5432/{}?targetServerType=any&connectTimeout=2&tcpKeepAlive=true&ApplicationName=keycloak-{}",
        postgres.database, node.name
    );
    let mut lines = vec![
        ("db-url", url),
        ("db-username", postgres.user.clone()),
        ("db-pool-initial-size", "2".to_owned()),
        ("db-pool-min-size", "2".to_owned()),
        ("db-pool-max-size", keycloak.pool_size.to_string()),
        ("hostname", topology.cluster.public_url.clone()),
        // Clients that come through the node's own address get links of that address on the back channel; issuer and
        // front channel stay the public URL.
        ("hostname-backchannel-dynamic", "true".to_owned()),
        ("http-enabled", "true".to_owned()),
        ("http-port", KEYCLOAK_HTTP_PORT.to_string()),
        ("cache", "local".to_owned()),
        ("spi-events-listener--ha-standby--poll-interval-ms", keycloak.poll_interval_ms.to_string()),
    ];
    if let Some(headers) = proxy_headers(keycloak.proxy_headers) {
        lines.push(("proxy-headers", headers.to_owned()));
    }
    let mut text =
        "# Written by ha-cli; changes are lost. Own options belong into [keycloak.options] of ha.toml.\n".to_owned();
    for (name, value) in lines.into_iter().filter(|(name, _)| !keycloak.options.contains_key(*name)) {
        writeln!(text, "{name}={}", escaped(&value)).expect("a String takes everything");
    }
    for (name, value) in &keycloak.options {
        writeln!(text, "{name}={}", escaped(value)).expect("a String takes everything");
    }
    text
}

/// A value of `keycloak.conf`: a properties file in UTF-8, whose reader takes each pair of backslashes for one; what is
/// left is then searched for `${…}` by SmallRye Config, where a dollar sign after a backslash stands for itself and every
/// other backslash does so anyway.
fn escaped(value: &str) -> String {
    value.replace('$', "\\$").replace('\\', "\\\\")
}

/// The files of a Keycloak's container: its configuration, secrets included. `bootstrap` adds the client that does the
/// first set-up; Keycloak makes it only together with the master realm, and `up` removes it.
#[must_use]
pub fn keycloak_files(topology: &Topology, node: &Node, secrets: &Secrets, bootstrap: bool) -> Vec<HostFile> {
    let mut text = keycloak_conf(topology, node);
    writeln!(text, "db-password={}", escaped(secrets.keycloak_db_password.expose()))
        .expect("a String takes everything");
    if bootstrap {
        writeln!(text, "bootstrap-admin-client-id={BOOTSTRAP_CLIENT}").expect("a String takes everything");
        writeln!(text, "bootstrap-admin-client-secret={}", escaped(secrets.keycloak_bootstrap_secret.expose()))
            .expect("a String takes everything");
    }
    vec![HostFile::new(CONF_PATH, text, 0o600).owned_by(KEYCLOAK_UID, KEYCLOAK_GID)]
}

/// The lasting container of a node's Keycloak, labelled with the hash of itself and of its configuration without the
/// secrets.
#[must_use]
pub fn keycloak_container(topology: &Topology, node: &Node, image_id: &str, share: MachineShare) -> ContainerSpec {
    let heap = share.heap_mib();
    let mut spec = ContainerSpec {
        name: container_name(topology, &node.name, Component::Keycloak),
        image: image_id.to_owned(),
        hostname: Some(format!("{}-keycloak", node.name)),
        command: vec!["start".to_owned(), "--optimized".to_owned()],
        environment: [("JAVA_OPTS_KC_HEAP".to_owned(), format!("-Xms{}m -Xmx{heap}m", heap.min(256)))].into(),
        labels: labels(topology, Some(&node.name)),
        network: Some(network_name(topology)),
        ports: vec![PortBinding {
            address: node.address,
            host_port: node.keycloak_port,
            container_port: KEYCLOAK_HTTP_PORT,
        }],
        restart: RestartPolicy::UnlessStopped,
        stop_timeout_secs: Some(15),
        ..ContainerSpec::default()
    };
    spec.labels.insert(LABEL_COMPONENT.to_owned(), Component::Keycloak.to_string());
    let conf = HostFile::new(CONF_PATH, keycloak_conf(topology, node), 0o600);
    let hash = spec_hash(&spec, &[conf]);
    spec.labels.insert(LABEL_SPEC.to_owned(), hash);
    spec
}
