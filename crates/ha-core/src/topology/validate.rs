//! From a description to a topology, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{
    Cluster, DesiredRole, DockerEndpoint, Durability, FieldPath, Images, Keycloak, KeycloakOption, Node, NodeSpec,
    Postgres, PostgresSetting, Problem, ProxyHeaders, Replication, Topology, TopologySpec,
};
use super::{connections, features};
use crate::values::{ClusterName, NodeName};

/// The longest part of a host name (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;
/// What Keycloak refuses in a user's name, beside blanks and control characters (its `username-prohibited-characters`).
const NO_USERNAME: &str = "<>&\"'$%!#?§,;:*~/\\|^=[]{}()`";

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: FieldPath, message: impl Into<String>, help: impl Into<String>) {
        self.0.push(Problem::new(path, message, help));
    }

    /// The value, or `None` with the problem kept.
    fn take<T, E: std::fmt::Display>(&mut self, path: FieldPath, result: Result<T, E>, help: &str) -> Option<T> {
        result.map_err(|error| self.add(path, error.to_string(), help)).ok()
    }
}

impl TopologySpec {
    /// Checks the description.
    ///
    /// # Errors
    /// Every problem, in the order of the description, never only the first.
    pub fn validate(&self) -> Result<Topology, Vec<Problem>> {
        let mut problems = Problems(Vec::new());
        let cluster = self.cluster(&mut problems);
        let images = self.images(&mut problems);
        let keycloak = self.keycloak(&mut problems);
        let postgres = self.postgres(&mut problems);
        let replication = self.replication(&mut problems);
        let hooks = self.hooks.check(&mut problems.0);
        let nodes = self.nodes(&mut problems);
        match (cluster, images, postgres, keycloak, replication, hooks, nodes) {
            (
                Some(cluster),
                Some(images),
                Some(postgres),
                Some(keycloak),
                Some(replication),
                Some(hooks),
                Some(nodes),
            ) if problems.0.is_empty() => {
                Ok(Topology::assemble(cluster, images, postgres, keycloak, replication, hooks, nodes))
            }
            _ => Err(problems.0),
        }
    }

    fn cluster(&self, problems: &mut Problems) -> Option<Cluster> {
        let name = problems.take(FieldPath::of("cluster", "name"), self.cluster.name.parse(), "for example \"sso\"");
        let path = FieldPath::of("cluster", "public_url");
        let public_url = problems.take(path, public_url(&self.cluster.public_url), PUBLIC_URL_HELP);
        let id = match &self.cluster.id {
            Some(text) => Some(problems.take(
                FieldPath::of("cluster", "id"),
                text.parse(),
                "leave the line out: `up` finds out which id the cluster has",
            )?),
            None => None,
        };
        Some(Cluster { name: name?, public_url: public_url?, id, demo: self.cluster.demo })
    }

    fn images(&self, problems: &mut Problems) -> Option<Images> {
        let mut image = |key: &str, reference: &str| {
            let help = "a name and a tag or digest, for example \"postgres:17\"";
            problems.take(FieldPath::of("images", key), image_reference(reference), help)
        };
        let postgres = image("postgres", &self.images.postgres);
        let keycloak = image("keycloak", &self.images.keycloak);
        Some(Images { postgres: postgres?, keycloak: keycloak? })
    }

    fn postgres(&self, problems: &mut Problems) -> Option<Postgres> {
        let spec = &self.postgres;
        let mut identifier = |key: &str, text: &str| {
            let help = "lowercase letters, digits and underscores, starting with a letter, at most 63";
            problems.take(FieldPath::of("postgres", key), sql_identifier(text), help)
        };
        let database = identifier("database", &spec.database);
        let user = identifier("user", &spec.user);
        let for_keycloak = connections::of_keycloak(self.keycloak.pool_size);
        let needed = for_keycloak.saturating_add(connections::BESIDE_KEYCLOAK);
        let max_connections = if spec.max_connections == 0 { needed } else { spec.max_connections };
        if max_connections < needed {
            let path = FieldPath::of("postgres", "max_connections");
            let message = format!(
                "is {max_connections}, too few: a Keycloak with a pool of {} needs {for_keycloak}, so that one that starts again \
                 finds some beside those of the one before, and {} are for everybody else",
                self.keycloak.pool_size,
                connections::BESIDE_KEYCLOAK
            );
            let help = format!("write {needed} or more, or 0 to have it computed");
            problems.0.push(Problem::new(path, message, help).related_to(FieldPath::of("keycloak", "pool_size")));
        }
        self.settings(problems);
        Some(Postgres { database: database?, user: user?, max_connections, settings: spec.settings.clone() })
    }

    fn keycloak(&self, problems: &mut Problems) -> Option<Keycloak> {
        let spec = &self.keycloak;
        let proxy_headers = match spec.proxy_headers.as_str() {
            "none" => Some(ProxyHeaders::None),
            "xforwarded" => Some(ProxyHeaders::XForwarded),
            "forwarded" => Some(ProxyHeaders::Forwarded),
            other => {
                let message = format!("is \"{other}\"");
                problems.add(
                    FieldPath::of("keycloak", "proxy_headers"),
                    message,
                    "write \"none\", \"xforwarded\" or \"forwarded\"",
                );
                None
            }
        };
        let refused = |c: char| c.is_control() || c.is_whitespace() || NO_USERNAME.contains(c);
        if !(3..=255).contains(&spec.admin.chars().count()) || spec.admin.chars().any(refused) {
            let message = format!("is \"{}\"", spec.admin.escape_debug());
            let help = "Keycloak takes names of 3 to 255 characters: letters, digits and any of - . _ @ +";
            problems.add(FieldPath::of("keycloak", "admin"), message, help);
        }
        range("keycloak", "pool_size", spec.pool_size, 5, 1000, problems);
        range("keycloak", "poll_interval_ms", spec.poll_interval_ms, 20, 1000, problems);
        self.options(problems);
        Some(Keycloak {
            admin: spec.admin.clone(),
            proxy_headers: proxy_headers?,
            pool_size: spec.pool_size,
            poll_interval_ms: spec.poll_interval_ms,
            options: spec.options.clone(),
        })
    }

    fn settings(&self, problems: &mut Problems) {
        let mut written = BTreeMap::new();
        for (name, value) in &self.postgres.settings {
            let path = FieldPath::of("postgres", "settings").then(name);
            match PostgresSetting::of(name) {
                Some(PostgresSetting::Refused(reason)) => problems.add(path.clone(), reason, "remove it"),
                Some(PostgresSetting::Taken) => one_line(&path, value, problems),
                None => {
                    let near = nearest(&name.to_lowercase().replace('-', "_"), PostgresSetting::names());
                    let help = near.map_or_else(
                        || {
                            "`SELECT name FROM pg_settings` lists them; an extension's have its name and a dot before"
                                .to_owned()
                        },
                        |near| format!("did you mean \"{near}\"?"),
                    );
                    problems.add(path.clone(), "is no setting of PostgreSQL 17", help);
                }
            }
            if let Some(first) = written.insert(name.to_ascii_lowercase(), path.clone()) {
                let problem = Problem::new(path, "stands there twice, since their case does not count", "once");
                problems.0.push(problem.related_to(first));
            }
        }
    }

    fn options(&self, problems: &mut Problems) {
        for (name, value) in &self.keycloak.options {
            let path = FieldPath::of("keycloak", "options").then(name);
            match KeycloakOption::of(name) {
                Some(KeycloakOption::Refused(reason)) => problems.add(path, reason, "remove it"),
                Some(KeycloakOption::RunTime | KeycloakOption::BuildTime) => {
                    if name == "proxy-trusted-addresses" && self.keycloak.proxy_headers == "none" {
                        let help =
                            "write \"xforwarded\" or \"forwarded\" there, whichever the proxy sends, or remove it";
                        problems.add(
                            path.clone(),
                            "does not let Keycloak start while keycloak.proxy_headers is \"none\"",
                            help,
                        );
                    }
                    if let Some(why) = features::unfit(name, value) {
                        problems.add(path.clone(), why, "name the features one by one, without it");
                    }
                    one_line(&path, value, problems);
                }
                None => {
                    let known = KeycloakOption::names().filter(|known| !known.contains('<'));
                    let help = match nearest(&name.to_lowercase().replace('_', "-"), known) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => "`kc.sh start --help-all` and `kc.sh build --help-all` in Keycloak's image list them, \
                                 without the dashes before"
                            .to_owned(),
                    };
                    problems.add(path, "is no option of Keycloak 26.4 to 26.7", help);
                }
            }
        }
    }

    fn replication(&self, problems: &mut Problems) -> Option<Replication> {
        let spec = &self.replication;
        let path = FieldPath::of("replication", "durability");
        let durability = match spec.durability.as_str() {
            "async" => Some(Durability::Async),
            "strict" => Some(Durability::Strict),
            "sync" => {
                problems.add(
                    path,
                    "is \"sync\": to go on alone by itself a node must first record it where a promotion sees it, and \
                     two hosts alone have no such place",
                    "write \"strict\" (writes wait while the standby is away) or \"async\"",
                );
                None
            }
            other => {
                problems.add(path, format!("is \"{other}\""), "write \"async\" or \"strict\"");
                None
            }
        };
        range("replication", "slot_keep_mib", spec.slot_keep_mib, 128, 1024 * 1024, problems);
        range("replication", "wal_keep_mib", spec.wal_keep_mib, 64, 1024 * 1024, problems);
        if spec.slot_keep_mib < spec.wal_keep_mib {
            let message = format!("is {}, less than wal_keep_mib", spec.slot_keep_mib);
            let problem = Problem::new(
                FieldPath::of("replication", "slot_keep_mib"),
                message,
                "a slot's limit below what is kept anyway has no effect: raise it",
            );
            problems.0.push(problem.related_to(FieldPath::of("replication", "wal_keep_mib")));
        }
        Some(Replication {
            durability: durability?,
            slot_keep_mib: spec.slot_keep_mib,
            wal_keep_mib: spec.wal_keep_mib,
        })
    }

    fn nodes(&self, problems: &mut Problems) -> Option<Vec<Node>> {
        let list = FieldPath(vec![super::Segment::Key("nodes".to_owned())]);
        let nodes: Vec<_> =
            self.nodes.iter().enumerate().map(|(index, spec)| node(index, spec, self.cluster.demo, problems)).collect();
        if self.nodes.len() < 2 {
            let message = format!("has {} of at least 2 nodes", self.nodes.len());
            problems.add(list.clone(), message, "name a primary and a standby");
        }
        let primaries: Vec<usize> = (0..self.nodes.len()).filter(|&i| self.nodes[i].role == "primary").collect();
        match primaries[..] {
            // A role that was not understood may have been meant as the primary's.
            [] if !self.nodes.is_empty() && nodes.iter().all(Option::is_some) => {
                problems.add(list, "has no primary", "give one node role = \"primary\"");
            }
            [first, second, ..] => problems.0.push(
                Problem::new(
                    FieldPath::node(second, "role"),
                    "is \"primary\", and so is another node's",
                    "one node is the primary, every other a standby",
                )
                .related_to(FieldPath::node(first, "role")),
            ),
            _ => {}
        }
        self.clashes(problems);
        self.host_names(problems);
        nodes.into_iter().collect()
    }

    /// Names that are legal each, and too long together: a server's container is found by its name, which Docker's DNS does not
    /// answer for when it is longer than a label may be.
    fn host_names(&self, problems: &mut Problems) {
        if self.cluster.name.parse::<ClusterName>().is_err() {
            return;
        }
        for (index, spec) in self.nodes.iter().enumerate().filter(|(_, spec)| spec.name.parse::<NodeName>().is_ok()) {
            let host = postgres_host_name(&self.cluster.name, &spec.name);
            let excess = host.len().saturating_sub(LONGEST_LABEL);
            if excess > 0 {
                let message = format!(
                    "is \"{}\", and with it the host name {host} is longer than {LONGEST_LABEL} characters",
                    spec.name
                );
                let help = format!("shorten this name, or the cluster's, by {excess} or more");
                let problem = Problem::new(FieldPath::node(index, "name"), message, help);
                problems.0.push(problem.related_to(FieldPath::of("cluster", "name")));
            }
        }
    }

    /// Names and ports that two nodes cannot share.
    fn clashes(&self, problems: &mut Problems) {
        let mut taken: BTreeMap<(&str, u16), FieldPath> = BTreeMap::new();
        for (index, spec) in self.nodes.iter().enumerate() {
            if let Some(first) = self.nodes[..index].iter().position(|other| other.name == spec.name) {
                let path = FieldPath::node(index, "name");
                problems.0.push(
                    Problem::new(path, format!("is \"{}\" a second time", spec.name), "every node has its own name")
                        .related_to(FieldPath::node(first, "name")),
                );
            }
            for (key, port) in [("postgres_port", spec.postgres_port), ("keycloak_port", spec.keycloak_port)] {
                let path = FieldPath::node(index, key);
                if port == 0 {
                    problems.add(path.clone(), "is 0", "a port from 1 to 65535");
                }
                if let Some(first) = taken.insert((spec.address.as_str(), port), path.clone()) {
                    problems.0.push(
                        Problem::new(
                            path,
                            format!("is {port} on {}, which is taken already", spec.address),
                            "every server needs a port of its own on an address",
                        )
                        .related_to(first),
                    );
                }
            }
        }
    }
}

const PUBLIC_URL_HELP: &str = "the URL that people use, for example \"https://sso.example.org\"";

fn node(index: usize, spec: &NodeSpec, demo: bool, problems: &mut Problems) -> Option<Node> {
    let at = |key: &str| FieldPath::node(index, key);
    let name = problems.take(at("name"), spec.name.parse::<NodeName>(), "for example \"vm1\"");
    let address = problems.take(
        at("address"),
        spec.address.parse::<IpAddr>().map_err(|_| format!("\"{}\" is no IP address", spec.address)),
        "the address at which the other nodes reach this one, for example \"192.0.2.11\"; a name will not do, because \
         ports are published on it and pg_hba.conf admits it",
    );
    if let Some(address) = address {
        if address.is_ipv6() {
            problems.add(
                at("address"),
                format!(
                    "is {address}: the containers' networks have no IPv6 yet, so that no other node could reach it"
                ),
                "an IPv4 address of this host at which the other nodes reach it",
            );
        } else if address.is_unspecified() || address.is_multicast() {
            problems.add(at("address"), format!("is {address}, no host's address"), "one address of this host");
        } else if address.is_loopback() && !demo {
            problems.add(
                at("address"),
                format!("is {address}, which no other host can reach"),
                "an address that the other nodes reach; loopback is for demo = true only",
            );
        }
    }
    let initial_role = match spec.role.as_str() {
        "primary" => Some(DesiredRole::Primary),
        "standby" | "replica" => Some(DesiredRole::Standby),
        other => {
            problems.add(at("role"), format!("is \"{other}\""), "write \"primary\" or \"standby\"");
            None
        }
    };
    let docker = DockerEndpoint::parse(&spec.docker, spec.docker_certificates.clone())
        .map_err(|error| problems.add(at("docker"), error.to_string(), error.help()))
        .ok();
    let admit = spec.admit.iter().filter_map(|text| problems.take(at("admit"), network(text), NETWORK_HELP)).collect();
    Some(Node {
        name: name?,
        address: address?,
        initial_role: initial_role?,
        docker: docker?,
        postgres_port: spec.postgres_port,
        keycloak_port: spec.keycloak_port,
        admit,
    })
}

const NETWORK_HELP: &str = "an address or a network, for example \"192.0.2.0/24\"";

/// A network as `pg_hba.conf` takes it.
fn network(text: &str) -> Result<String, String> {
    let wrong = || format!("\"{text}\" is no address and no network");
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Ok(most), |length| length.parse::<u8>().map_err(|_| wrong()))?;
    if length > most { Err(wrong()) } else { Ok(format!("{address}/{length}")) }
}

/// A URL that can be an issuer: scheme, host, perhaps a path; no query, no user, no slash at the end.
fn public_url(text: &str) -> Result<String, String> {
    let wrong = |what: &str| Err(format!("\"{}\" {what}", text.escape_debug()));
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return wrong("does not start with https:// or http://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return wrong("names no host");
    }
    if text.contains(['?', '#', '@']) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("has parts that an issuer cannot have");
    }
    let text = text.trim_end_matches('/');
    let (host, path) =
        text[text.find("://").map_or(0, |at| at + 3)..].split_once('/').unwrap_or((rest.trim_end_matches('/'), ""));
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c)) {
        return wrong("has a host with characters that no host name has; one of another script is written as xn--…");
    }
    // It becomes a path of Keycloak's, of a load balancer's checks and of every link: what needs no escape in any of them.
    let plain = |part: &str| {
        let well = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(well)
    };
    if !path.is_empty() && !path.split('/').all(plain) {
        return wrong("has a path with other than letters, digits, -, ., _ and ~ between single slashes");
    }
    Ok(text.to_owned())
}

fn image_reference(text: &str) -> Result<String, String> {
    let wrong = |what: &str| Err(format!("\"{}\" {what}", text.escape_debug()));
    let characters = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if text.is_empty() || !text.chars().all(characters) || text.starts_with(['-', '/', ':']) {
        return wrong("is no image reference");
    }
    let last = text.rsplit('/').next().unwrap_or_default();
    if !last.contains(':') && !last.contains('@') {
        return wrong("has no tag: \"latest\" would differ between the nodes one day");
    }
    Ok(text.to_owned())
}

fn sql_identifier(text: &str) -> Result<String, String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if text.is_empty() || text.len() > 63 || !text.bytes().all(inner) || !text.as_bytes()[0].is_ascii_lowercase() {
        return Err(format!("\"{}\" is no plain SQL identifier", text.escape_debug()));
    }
    // They mean something else in pg_hba.conf (PostgreSQL 17, "The pg_hba.conf File"), or to CREATE ROLE, or are databases that
    // are there already.
    let words = [
        "postgres",
        "all",
        "replication",
        "sameuser",
        "samerole",
        "samegroup",
        "public",
        "none",
        "template0",
        "template1",
    ];
    if words.contains(&text) || text.starts_with("pg_") || text.starts_with("ha_") {
        return Err(format!("\"{text}\" is reserved"));
    }
    Ok(text.to_owned())
}

fn range(table: &str, key: &str, value: u32, least: u32, most: u32, problems: &mut Problems) {
    if !(least..=most).contains(&value) {
        problems.add(FieldPath::of(table, key), format!("is {value}"), format!("a number from {least} to {most}"));
    }
}

/// The value of a setting or an option: the files have one a line.
fn one_line(path: &FieldPath, value: &str, problems: &mut Problems) {
    if value.contains(['\n', '\r', '\0']) {
        problems.add(path.clone(), "has a line break in its value", "one line");
    }
}

/// The known name that was most likely meant.
fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = known.map(|known| (strsim::damerau_levenshtein(written, known), known)).min()?;
    (near.0 <= near.1.len() / 4).then_some(near.1)
}

/// The host name of a node's PostgreSQL on the cluster's network, which is that of its container: the longest that is asked for there.
fn postgres_host_name(cluster: &str, node: &str) -> String {
    format!("{cluster}-{node}-postgres")
}

#[cfg(test)]
mod tests;
