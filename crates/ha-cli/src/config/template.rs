//! Writes a description as the commented file that people edit.
//!
//! What has its default stands there as a comment, so that a later version's better default takes effect; what a person
//! must be able to find without reading documents stands there in any case.

use std::collections::BTreeMap;
use std::fmt::Display;

use ha_core::secrets::Secrets;
use ha_core::topology::{HooksSpec, ImagesSpec, KeycloakSpec, NodeSpec, PostgresSpec, ReplicationSpec, TopologySpec};

use super::secrets::SECRET_KEYS;

/// A text as a basic string of TOML, on one line whatever is in it: the library's own choice may be a multi-line string,
/// which cannot stand as a key.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

struct Lines(String);

impl Lines {
    fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    fn comment(&mut self, text: &str) {
        for line in text.lines() {
            self.line(format!("# {line}").trim_end());
        }
    }

    /// A key that always stands there.
    fn set(&mut self, comment: &str, key: &str, value: impl Display) {
        self.comment(comment);
        self.line(format!("{key} = {value}"));
    }

    /// A key that is commented out while it has its default.
    fn optional(&mut self, comment: &str, key: &str, value: impl Display, is_default: bool) {
        self.comment(comment);
        self.line(format!("{}{key} = {value}", if is_default { "# " } else { "" }));
    }

    fn table(&mut self, comment: &str, name: &str, entries: &BTreeMap<String, String>, example: &str) {
        self.line("");
        self.comment(comment);
        if entries.is_empty() {
            self.line(format!("# [{name}]"));
            self.line(format!("# {example}"));
            return;
        }
        self.line(format!("[{name}]"));
        for (key, value) in entries {
            self.line(format!("{} = {}", quoted(key), quoted(value)));
        }
    }
}

/// The file of a description. Reading it gives the same description.
#[must_use]
pub fn render(spec: &TopologySpec) -> String {
    let mut lines = Lines(String::new());
    lines.comment(
        "One highly available Keycloak: what it is meant to be. The same file serves on every host and on a third\n\
         machine. `ha-cli config check` says what is wrong with it; `ha-cli config show` what is in effect.\n\
         Lines that begin with # show the defaults. The secrets stand beside this file, in *.secrets.toml.",
    );
    lines.line(format!("schema = {}", super::reader::SCHEMA));
    cluster(&mut lines, spec);
    images(&mut lines, &spec.images);
    postgres(&mut lines, &spec.postgres);
    keycloak(&mut lines, &spec.keycloak);
    replication(&mut lines, &spec.replication);
    hooks(&mut lines, &spec.hooks);
    for (index, spec) in spec.nodes.iter().enumerate() {
        node(&mut lines, spec, index == 0);
    }
    lines.0
}

fn cluster(lines: &mut Lines, spec: &TopologySpec) {
    lines.line("\n[cluster]");
    lines.set(
        "The first part of the name of every container, volume and network. Lowercase letters, digits and inner\n\
         dashes, at most 40. Fixed once the cluster exists: another name is another cluster.",
        "name",
        quoted(&spec.cluster.name),
    );
    lines.set(
        "The URL under which people and clients reach Keycloak, whichever node answers: that of the load balancer or\n\
         proxy. It is the issuer of every token; changing it makes those already issued worthless.",
        "public_url",
        quoted(&spec.cluster.public_url),
    );
    if let Some(id) = &spec.cluster.id {
        lines.set(
            "What tells this cluster from another one of the same name: whatever stands on the hosts under this name and\n\
             has another id is left alone. Drawn by `ha-cli setup`; never changed.",
            "id",
            quoted(id),
        );
    }
    lines.optional(
        "true: all nodes on one Docker engine, for a trial; nothing is highly available then. Default: false.",
        "demo",
        spec.cluster.demo,
        !spec.cluster.demo,
    );
}

fn images(lines: &mut Lines, images: &ImagesSpec) {
    let defaults = ImagesSpec::default();
    lines.line("\n[images]");
    lines.set(
        &format!(
            "An image like the official one of PostgreSQL, with a tag or a digest. Default: {}.",
            defaults.postgres
        ),
        "postgres",
        quoted(&images.postgres),
    );
    lines.set(
        &format!("An image like Keycloak's own, 26.4 to 26.7. Default: {}.", defaults.keycloak),
        "keycloak",
        quoted(&images.keycloak),
    );
}

fn postgres(lines: &mut Lines, postgres: &PostgresSpec) {
    let defaults = PostgresSpec::default();
    lines.line("\n[postgres]");
    lines.optional(
        "Keycloak's database. Fixed once the cluster exists. Default: keycloak.",
        "database",
        quoted(&postgres.database),
        postgres.database == defaults.database,
    );
    lines.optional(
        "Keycloak's role: owner of its database, no superuser. Fixed once the cluster exists. Default: keycloak.",
        "user",
        quoted(&postgres.user),
        postgres.user == defaults.user,
    );
    lines.optional(
        "Connections that every server accepts, the same on all nodes; at least twice keycloak.pool_size + 28.\n\
         Default: 0, which computes it.",
        "max_connections",
        postgres.max_connections,
        postgres.max_connections == defaults.max_connections,
    );
    lines.table(
        "Further settings of postgresql.conf, as PostgreSQL names and measures them. Default: none; memory is sized for\n\
         each machine. What replication depends on is refused here.",
        "postgres.settings",
        &postgres.settings,
        "work_mem = \"8MB\"",
    );
}

fn keycloak(lines: &mut Lines, keycloak: &KeycloakSpec) {
    let defaults = KeycloakSpec::default();
    lines.line("\n[keycloak]");
    lines.optional(
        "The administrator in the master realm, made when the cluster is created. 3 to 255 characters.\n\
         Default: admin.",
        "admin",
        quoted(&keycloak.admin),
        keycloak.admin == defaults.admin,
    );
    lines.optional(
        "Which headers of a reverse proxy are believed: \"none\", \"xforwarded\" or \"forwarded\". With other than \"none\",\n\
         only the proxy may reach Keycloak's ports, or clients can lie about their address. Default: none.",
        "proxy_headers",
        quoted(&keycloak.proxy_headers),
        keycloak.proxy_headers == defaults.proxy_headers,
    );
    lines.optional(
        "Most connections that each Keycloak opens to its database, 5 to 1000. Default: 50.",
        "pool_size",
        keycloak.pool_size,
        keycloak.pool_size == defaults.pool_size,
    );
    lines.optional(
        "How often the read-only Keycloak looks for changes that arrived, in milliseconds, 20 to 1000. Shorter is\n\
         fresher and asks PostgreSQL more often. Default: 100.",
        "poll_interval_ms",
        keycloak.poll_interval_ms,
        keycloak.poll_interval_ms == defaults.poll_interval_ms,
    );
    lines.table(
        "Further options of keycloak.conf, as Keycloak names them. Default: none. What is derived from this file is\n\
         refused here.",
        "keycloak.options",
        &keycloak.options,
        "log-level = \"info\"",
    );
}

fn replication(lines: &mut Lines, replication: &ReplicationSpec) {
    let defaults = ReplicationSpec::default();
    lines.line("\n[replication]");
    lines.set(
        "What an acknowledged transaction is worth when a node is lost. \"async\": a failover may lose the last moments.\n\
         \"strict\": nothing acknowledged is lost; while the standby is away, writes wait. Default: async.",
        "durability",
        quoted(&replication.durability),
    );
    lines.optional(
        "Most WAL that is kept for a standby that is away, in MiB, 128 to 1048576 and no less than wal_keep_mib. Past it\n\
         the standby must be rebuilt; that much disk must be free on every host. Default: 4096.",
        "slot_keep_mib",
        replication.slot_keep_mib,
        replication.slot_keep_mib == defaults.slot_keep_mib,
    );
    lines.optional(
        "WAL that is kept in any case, so that an old primary can be rewound, in MiB, 64 to 1048576. Default: 512.",
        "wal_keep_mib",
        replication.wal_keep_mib,
        replication.wal_keep_mib == defaults.wal_keep_mib,
    );
}

/// The programs, each with an example that is commented out while there is none.
fn hooks(lines: &mut Lines, hooks: &HooksSpec) {
    let default = HooksSpec::default();
    let prefix = if *hooks == default { "# " } else { "" };
    lines.line("");
    lines.comment(
        "Programs of your own that are told of what happens, each a list: the program, then its arguments; no shell. They\n\
         run where ha-cli runs, with the facts in the environment (HA_EVENT, HA_NEW_PRIMARY_ADDRESS, …), and hold nothing up.",
    );
    lines.line(format!("{prefix}[hooks]"));
    let mut command = |comment: &str, key: &str, vector: &Option<Vec<String>>, example: &str| {
        let list = vector.as_ref().map(|vector| vector.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "));
        lines.optional(comment, key, format!("[{}]", list.as_deref().unwrap_or(example)), vector.is_none());
    };
    let tell = "\"/usr/local/bin/ha-hook\"";
    command("A standby was promoted. Default: none.", "on_promote", &hooks.on_promote, tell);
    command("A primary became a standby. Default: none.", "on_demote", &hooks.on_demote, tell);
    command(
        "A standby was promoted because the primary was lost. Default: none.",
        "on_failover",
        &hooks.on_failover,
        tell,
    );
    command("`ha-cli monitor --notify` saw the health change. Default: none.", "on_health", &hooks.on_health, tell);
    lines.optional(
        "Seconds after which a program is killed with all that it started, 1 to 600. Default: 10.",
        "timeout_seconds",
        hooks.timeout_seconds,
        hooks.timeout_seconds == default.timeout_seconds,
    );
}

fn node(lines: &mut Lines, node: &NodeSpec, explain: bool) {
    let explained = |text: &'static str| if explain { text } else { "" };
    lines.line("");
    if explain {
        lines.comment("The hosts: one primary, one standby or more. The comments of the first hold for all.");
    }
    lines.line("[[nodes]]");
    lines.set(
        explained("Lowercase letters, digits and inner dashes, at most 40. Fixed once the cluster exists."),
        "name",
        quoted(&node.name),
    );
    lines.set(
        explained(
            "The IP address at which the other nodes reach this one. Its ports are published there and nowhere else.",
        ),
        "address",
        quoted(&node.address),
    );
    lines.set(
        explained("\"primary\" or \"standby\": the role at creation. Later, PostgreSQL alone knows who is primary."),
        "role",
        quoted(&node.role),
    );
    lines.set(
        explained(
            "How its Docker is reached: \"local\" (on the host itself), \"unix:///var/run/docker.sock\",\n\
             \"ssh://user@host\" or \"tcp://host:2376\". Default: local.",
        ),
        "docker",
        quoted(&node.docker),
    );
    let certificates = node.docker_certificates.as_ref().map(|folder| folder.display().to_string());
    if explain || certificates.is_some() {
        lines.optional(
            explained(
                "For tcp://: the folder with ca.pem, cert.pem and key.pem, relative to this file. Default: none.",
            ),
            "docker_certificates",
            quoted(certificates.as_deref().unwrap_or("certificates")),
            certificates.is_none(),
        );
    }
    lines.set(
        explained("PostgreSQL's port on the address. Default: 5432 on the primary, 5433 on a standby."),
        "postgres_port",
        node.postgres_port,
    );
    lines.set(
        explained("Keycloak's port on the address. Default: 3123 on the primary, 3124 on a standby."),
        "keycloak_port",
        node.keycloak_port,
    );
    if explain || !node.admit.is_empty() {
        let admit = node.admit.iter().map(|network| quoted(network)).collect::<Vec<_>>().join(", ");
        lines.optional(
            explained(
                "Further addresses or networks from which peers and probes come, as where a host is behind address\n\
                 translation: [\"192.0.2.0/24\"]. Default: none.",
            ),
            "admit",
            format!("[{admit}]"),
            node.admit.is_empty(),
        );
    }
}

/// The file of the secrets.
#[must_use]
pub fn render_secrets(secrets: &Secrets) -> String {
    let explained = [
        (&secrets.keycloak_db_password, "The password of Keycloak's role in the database."),
        (&secrets.replication_password, "The password with which a standby streams from its primary."),
        (&secrets.probe_password, "The password of the role that observes replication."),
        (&secrets.keycloak_admin_password, "The password of Keycloak's administrator: the one to log in with."),
        (&secrets.keycloak_client_secret, "The secret of the service client that ha-cli uses at Keycloak."),
        (&secrets.keycloak_bootstrap_secret, "The secret of the client that exists during the first start only."),
    ];
    let mut text = String::from(
        "# The secrets of the cluster described beside this file. Readable by its owner only (mode 0600): ha-cli refuses\n\
         # it otherwise. Keep a copy in a safe place; the cluster does not start anew without them.\n",
    );
    for (key, (secret, comment)) in SECRET_KEYS.iter().zip(explained) {
        text.push_str(&format!("\n# {comment}\n{key} = {}\n", quoted(secret.expose())));
    }
    text
}

#[cfg(test)]
mod tests;
