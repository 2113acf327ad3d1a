//! The Keycloak of a node.
//!
//! Both nodes run the [prepared image](super::prepared_image) with the same options; the files that hold secrets are put
//! into the container through Docker's API.

use std::fmt::Write as _;

use super::image_environment::{COMPUTED, left_out_variables, without_variables};
use super::{
    Component, LABEL_COMPONENT, LABEL_IMAGE, LABEL_SPEC, MachineShare, container_name, labels, network_name, path_mtu,
    rights, spec_hash,
};
use crate::ports::{ContainerSpec, HostFile, Image, PortBinding, RestartPolicy};
use crate::secrets::Secrets;
use crate::topology::{KeycloakOption, Node, ProxyHeaders, Topology};

/// Keycloak's port inside its container.
pub const KEYCLOAK_HTTP_PORT: u16 = 8080;

const CONF_PATH: &str = "/opt/keycloak/conf/keycloak.conf";
/// `HandoverFile.java` reads it.
const HANDOVER_PATH: &str = "/opt/keycloak/conf/ha-handover";
pub(super) const KC_PATH: &str = "/opt/keycloak/bin/kc.sh";
/// The user of Keycloak's image, and its group.
pub(super) const KEYCLOAK_UID: u32 = 1000;
pub(super) const KEYCLOAK_GID: u32 = 0;
/// The client of ha-cli's own in the master realm: may create realms, and administer those it made, nothing else.
pub const SERVICE_CLIENT: &str = "ha-cli";
/// The client with which the very first set-up is done; removed by it.
pub(crate) const BOOTSTRAP_CLIENT: &str = "ha-bootstrap";

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

/// `keycloak.conf` without its secrets.
#[must_use]
pub fn keycloak_conf(topology: &Topology, node: &Node) -> String {
    let postgres = &topology.postgres;
    let keycloak = &topology.keycloak;
    let host = container_name(topology, &node.name, Component::Postgres);
    // `any`: by default Keycloak asks for a primary and does not even start on a standby. `requireAuth`: a driver before
    // 42.7.11 does not know it, and takes no notice.
    let url = format!(
        "jdbc:postgresql://{host}:5432/{}?targetServerType=any&requireAuth=scram-sha-256&connectTimeout=2&tcpKeepAlive=true&ApplicationName=keycloak-{}",
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
    debug_assert!(lines.iter().all(|(name, _)| COMPUTED.contains(name)), "{lines:?}");
    let computed = lines.iter().filter(|(name, _)| !keycloak.options.contains_key(*name));
    let computed = conf_lines(computed.map(|(name, value)| (*name, value.as_str())));
    let given = conf_lines(given_options(topology, KeycloakOption::RunTime));
    format!(
        "# Written by ha-cli; changes are lost. Own options belong into [keycloak.options] of ha.toml.\n{computed}{given}"
    )
}

/// The operator's options of one kind.
pub(super) fn given_options(topology: &Topology, kind: KeycloakOption) -> impl Iterator<Item = (&str, &str)> {
    let options = topology.keycloak.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    options.filter(move |(name, _)| KeycloakOption::of(name) == Some(kind))
}

/// Lines of `keycloak.conf`.
pub(super) fn conf_lines<'v>(lines: impl IntoIterator<Item = (&'v str, &'v str)>) -> String {
    lines.into_iter().fold(String::new(), |mut text, (name, value)| {
        writeln!(text, "{name}={}", keycloak_conf_value(value)).expect("a String takes everything");
        text
    })
}

/// A value of `keycloak.conf`: a properties file in UTF-8, whose reader takes each pair of backslashes for one and leaves out
/// blanks before a value; what is left is then searched for `${…}` by SmallRye Config, where a dollar sign after a backslash
/// stands for itself and every other backslash does so anyway.
#[must_use]
pub fn keycloak_conf_value(value: &str) -> String {
    let escaped = value.replace('$', "\\$").replace('\\', "\\\\");
    if escaped.starts_with([' ', '\t', '\x0c']) { format!("\\{escaped}") } else { escaped }
}

/// The files of a Keycloak's container: its configuration, secrets included. `bootstrap` adds the client that does the
/// first set-up; Keycloak makes it only together with the master realm, and `up` removes it.
#[must_use]
pub fn keycloak_files(topology: &Topology, node: &Node, secrets: &Secrets, bootstrap: bool) -> Vec<HostFile> {
    let mut text = keycloak_conf(topology, node);
    writeln!(text, "db-password={}", keycloak_conf_value(secrets.keycloak_db_password.expose()))
        .expect("a String takes everything");
    if bootstrap {
        writeln!(text, "bootstrap-admin-client-id={BOOTSTRAP_CLIENT}").expect("a String takes everything");
        writeln!(
            text,
            "bootstrap-admin-client-secret={}",
            keycloak_conf_value(secrets.keycloak_bootstrap_secret.expose())
        )
        .expect("a String takes everything");
    }
    vec![HostFile::new(CONF_PATH, text, 0o600).owned_by(KEYCLOAK_UID, KEYCLOAK_GID)]
}

/// What the Keycloak of a node is told of a planned change of roles. Its extension knows them as well (`Handover.java`), and
/// forgets each after some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandoverWord {
    /// Nothing is changed, or not any more.
    None,
    /// It is about to become read-write, and the other one still serves.
    Expect,
    /// The other one is about to stop: what comes is held until it has become read-write.
    Take,
    /// Load balancers are to leave it; it serves who comes.
    Leave,
    /// It takes no new work.
    Close,
}

impl HandoverWord {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Expect => "expect",
            Self::Take => "take",
            Self::Leave => "leave",
            Self::Close => "close",
        }
    }
}

/// The file by which it is told; `beat` is another one each time that it is told the same again, which renews it.
pub(crate) fn handover_file(word: HandoverWord, id: &str, beat: u64) -> HostFile {
    let text = format!("{} {id} {beat}\n", word.as_str());
    HostFile::new(HANDOVER_PATH, text, 0o644).owned_by(KEYCLOAK_UID, KEYCLOAK_GID)
}

/// The lasting container of a node's Keycloak, labelled with the hash of itself and of its configuration without the
/// secrets.
#[must_use]
pub fn keycloak_container(topology: &Topology, node: &Node, image: &Image, share: MachineShare) -> ContainerSpec {
    let heap = share.heap_mib();
    let mut entrypoint = without_variables(&left_out_variables(topology, image));
    entrypoint.push(KC_PATH.to_owned());
    let mut spec = ContainerSpec {
        name: container_name(topology, &node.name, Component::Keycloak),
        image: image.id.clone(),
        hostname: Some(format!("{}-keycloak", node.name)),
        // Whatever an image of the operator's says of these: its files are the user's, and a stop is asked for.
        entrypoint: Some(entrypoint),
        user: Some(format!("{KEYCLOAK_UID}:{KEYCLOAK_GID}")),
        stop_signal: Some("SIGTERM".to_owned()),
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
    rights::of_keycloak(&mut spec);
    path_mtu::found_by_itself(&mut spec);
    spec.labels.insert(LABEL_IMAGE.to_owned(), image.id.clone());
    let conf = HostFile::new(CONF_PATH, keycloak_conf(topology, node), 0o600);
    let hash = spec_hash(&spec, &[conf]);
    spec.labels.insert(LABEL_SPEC.to_owned(), hash);
    spec
}
