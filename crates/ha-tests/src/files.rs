//! The files by which the program knows a pair.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::pair::Pair;

impl Pair {
    /// Writes `ha.toml` and `ha.secrets.toml` into a folder that has neither: `ha-cli`, run there, works on this pair. Of its
    /// options, the images are in them.
    ///
    /// # Errors
    /// A file could not be written.
    pub fn write_files(&self, folder: &Path) -> io::Result<()> {
        let topology = self.topology();
        let mut file = format!(
            "schema = 1\n[cluster]\nname = \"{}\"\npublic_url = \"{}\"\ndemo = true\n[images]\npostgres = \"{}\"\n\
             keycloak = \"{}\"\n[postgres]\ndatabase = \"{}\"\nuser = \"{}\"\n",
            topology.cluster.name,
            topology.cluster.public_url,
            topology.images.postgres,
            topology.images.keycloak,
            topology.postgres.database,
            topology.postgres.user
        );
        for node in topology.nodes() {
            let role = if node.name == self.primary().name { "primary" } else { "standby" };
            file += &format!(
                "[[nodes]]\nname = \"{}\"\naddress = \"{}\"\nrole = \"{role}\"\ndocker = \"local\"\npostgres_port = {}\n\
                 keycloak_port = {}\n",
                node.name, node.address, node.postgres_port, node.keycloak_port
            );
        }
        std::fs::write(folder.join("ha.toml"), file)?;
        let secrets = self.cluster().secrets();
        let named = [
            ("keycloak_db_password", &secrets.keycloak_db_password),
            ("replication_password", &secrets.replication_password),
            ("probe_password", &secrets.probe_password),
            ("keycloak_admin_password", &secrets.keycloak_admin_password),
            ("keycloak_client_secret", &secrets.keycloak_client_secret),
            ("keycloak_bootstrap_secret", &secrets.keycloak_bootstrap_secret),
        ];
        let lines = named.map(|(key, secret)| format!("{key} = {}\n", toml::Value::from(secret.expose()))).concat();
        let private = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("ha.secrets.toml"));
        private?.write_all(lines.as_bytes())
    }
}
