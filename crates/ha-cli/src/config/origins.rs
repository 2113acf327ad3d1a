//! Where each setting in effect comes from.

use ha_core::topology::{FieldPath, HookCommand, Segment};

use super::model::Config;
use crate::diagnostic::hides;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The file, in this line.
    File(usize),
    /// The file does not name it.
    Default,
    /// Computed from other settings.
    Computed,
}

/// One setting in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its place, as in `nodes[0].address`.
    pub path: String,
    /// Its value; stars where the name says that it is a secret.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

impl Config {
    /// Every setting in effect, in the order of the file's sections.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let mut list = Vec::new();
        let topology = &self.topology;
        let mut add = |path: FieldPath, value: String| {
            let computed =
                path == FieldPath::of("postgres", "max_connections") && self.spec.postgres.max_connections == 0;
            let origin = match self.places.value(&path) {
                _ if computed => Origin::Computed,
                Some(at) => Origin::File(self.source.position(at.start).line),
                None => Origin::Default,
            };
            let value = if path.0.last().is_some_and(hidden) { "********".to_owned() } else { value };
            list.push(Setting { path: path.to_string(), value, origin });
        };
        let of = FieldPath::of;
        add(of("cluster", "name"), topology.cluster.name.to_string());
        add(of("cluster", "public_url"), topology.cluster.public_url.clone());
        if let Some(id) = &topology.cluster.id {
            add(of("cluster", "id"), id.to_string());
        }
        add(of("cluster", "demo"), topology.cluster.demo.to_string());
        add(of("images", "postgres"), topology.images.postgres.clone());
        add(of("images", "keycloak"), topology.images.keycloak.clone());
        add(of("postgres", "database"), topology.postgres.database.clone());
        add(of("postgres", "user"), topology.postgres.user.clone());
        add(of("postgres", "max_connections"), topology.postgres.max_connections.to_string());
        for (name, value) in &topology.postgres.settings {
            add(inner("postgres", "settings", name), value.clone());
        }
        add(of("keycloak", "admin"), topology.keycloak.admin.clone());
        add(of("keycloak", "proxy_headers"), self.spec.keycloak.proxy_headers.clone());
        add(of("keycloak", "pool_size"), topology.keycloak.pool_size.to_string());
        add(of("keycloak", "poll_interval_ms"), topology.keycloak.poll_interval_ms.to_string());
        for (name, value) in &topology.keycloak.options {
            add(inner("keycloak", "options", name), value.clone());
        }
        add(of("replication", "durability"), topology.replication.durability.to_string());
        add(of("replication", "slot_keep_mib"), topology.replication.slot_keep_mib.to_string());
        add(of("replication", "wal_keep_mib"), topology.replication.wal_keep_mib.to_string());
        let hooks = &topology.hooks;
        add(of("hooks", "on_promote"), hook(&hooks.on_promote));
        add(of("hooks", "on_demote"), hook(&hooks.on_demote));
        add(of("hooks", "on_failover"), hook(&hooks.on_failover));
        add(of("hooks", "on_health"), hook(&hooks.on_health));
        add(of("hooks", "timeout_seconds"), hooks.timeout.as_secs().to_string());
        for (index, (node, spec)) in topology.nodes().iter().zip(&self.spec.nodes).enumerate() {
            let at = |key: &str| FieldPath::node(index, key);
            add(at("name"), node.name.to_string());
            add(at("address"), node.address.to_string());
            add(at("role"), node.initial_role.to_string());
            add(at("docker"), node.docker.to_string());
            if let Some(folder) = &spec.docker_certificates {
                add(at("docker_certificates"), folder.display().to_string());
            }
            add(at("postgres_port"), node.postgres_port.to_string());
            add(at("keycloak_port"), node.keycloak_port.to_string());
            add(at("admit"), node.admit.join(", "));
        }
        list
    }
}

fn hidden(last: &Segment) -> bool {
    matches!(last, Segment::Key(key) if hides(key))
}

/// As it is written in the file: where one argument ends and the next begins matters.
fn hook(command: &Option<HookCommand>) -> String {
    command.as_ref().map_or_else(String::new, |command| {
        let texts = std::iter::once(&command.program).chain(&command.arguments);
        format!("[{}]", texts.map(|text| super::template::quoted(text)).collect::<Vec<_>>().join(", "))
    })
}

fn inner(table: &str, key: &str, name: &str) -> FieldPath {
    let mut path = FieldPath::of(table, key);
    path.0.push(Segment::Key(name.to_owned()));
    path
}
