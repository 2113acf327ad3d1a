//! `setup`

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// Write the cluster's file and its secrets, or take over those of the first host
///
/// Asks for what no option gives, and checks each answer at once. Without a terminal, or with --non-interactive, it asks
/// nothing and says which options are missing. Passwords that are not given are made up.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  ha-cli setup
  ha-cli setup --demo
  ha-cli setup --public-url https://sso.example.org \\
      --primary vm1=192.0.2.11 --standby vm2=192.0.2.12
  ha-cli setup --join from-vm1/ha.toml

NODE is a node's name, or \"primary\", or \"standby\" where there is only one.")]
pub struct SetupArgs {
    /// Take over the file of the first host, and the secrets beside it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["demo", "public_url", "primary", "standby", "cluster_name"])]
    pub join: Option<PathBuf>,

    /// Which node this host is, where --join cannot tell by its addresses
    #[arg(long, value_name = "NODE", requires = "join")]
    pub node: Option<String>,

    /// A trial: two nodes on this machine, on loopback, or those that are named; asks nothing
    #[arg(long)]
    pub demo: bool,

    /// Ask nothing; implied without a terminal
    #[arg(long)]
    pub non_interactive: bool,

    /// Write over an existing file; its settings and secrets are kept where no other is given
    #[arg(long)]
    pub force: bool,

    /// The first part of the name of everything that is made [default: sso, with --demo: demo]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub cluster_name: Option<String>,

    /// The URL under which people reach Keycloak, whichever node answers
    #[arg(long, value_name = "URL", help_heading = "Cluster")]
    pub public_url: Option<String>,

    /// The node that starts as primary
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = pair, help_heading = "Nodes")]
    pub primary: Option<Pair>,

    /// A node that starts as standby; may be repeated
    #[arg(long, value_name = "NAME=ADDRESS", value_parser = pair, help_heading = "Nodes")]
    pub standby: Vec<Pair>,

    /// How a node's Docker is reached: local, unix://SOCKET, ssh://USER@HOST or tcp://HOST:PORT [default: local]
    #[arg(long, value_name = "NODE=ENDPOINT", value_parser = pair, help_heading = "Nodes")]
    pub docker: Vec<Pair>,

    /// For tcp://: the folder with ca.pem, cert.pem and key.pem
    #[arg(long, value_name = "NODE=FOLDER", value_parser = pair, help_heading = "Nodes")]
    pub docker_certificates: Vec<Pair>,

    /// PostgreSQL's port on a node [default: 5432 on the primary, 5433 on a standby]
    #[arg(long, value_name = "NODE=PORT", value_parser = pair, help_heading = "Nodes")]
    pub postgres_port: Vec<Pair>,

    /// Keycloak's port on a node [default: 3123 on the primary, 3124 on a standby]
    #[arg(long, value_name = "NODE=PORT", value_parser = pair, help_heading = "Nodes")]
    pub keycloak_port: Vec<Pair>,

    /// A further network from which a node's peers and probes come; may be repeated
    #[arg(long, value_name = "NODE=NETWORK", value_parser = pair, help_heading = "Nodes")]
    pub admit: Vec<Pair>,

    /// Keycloak's database [default: keycloak]
    #[arg(long, value_name = "NAME", help_heading = "Database and Keycloak")]
    pub database: Option<String>,

    /// Keycloak's role in the database [default: keycloak]
    #[arg(long, value_name = "NAME", help_heading = "Database and Keycloak")]
    pub database_user: Option<String>,

    /// Keycloak's administrator [default: admin]
    #[arg(long, value_name = "NAME", help_heading = "Database and Keycloak")]
    pub admin: Option<String>,

    /// Which headers of a reverse proxy Keycloak believes [default: none]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Database and Keycloak")]
    pub proxy_headers: Option<ProxyHeadersArg>,

    /// What an acknowledged transaction is worth when a node is lost [default: async]
    #[arg(long, value_enum, value_name = "PROFILE", help_heading = "Database and Keycloak")]
    pub durability: Option<DurabilityArg>,

    /// PostgreSQL's image [default: postgres:17]
    #[arg(long, value_name = "IMAGE", help_heading = "Database and Keycloak")]
    pub postgres_image: Option<String>,

    /// Keycloak's image [default: keycloak/keycloak:26.7.3]
    #[arg(long, value_name = "IMAGE", help_heading = "Database and Keycloak")]
    pub keycloak_image: Option<String>,

    /// The database password, from a file, or "-" for standard input [env: HA_DATABASE_PASSWORD]
    #[arg(long, value_name = "FILE", action = ArgAction::Set, help_heading = "Passwords")]
    pub database_password_file: Option<PathBuf>,

    /// The replication password, likewise [env: HA_REPLICATION_PASSWORD]
    #[arg(long, value_name = "FILE", action = ArgAction::Set, help_heading = "Passwords")]
    pub replication_password_file: Option<PathBuf>,

    /// The administrator's password, likewise [env: HA_ADMIN_PASSWORD]
    #[arg(long, value_name = "FILE", action = ArgAction::Set, help_heading = "Passwords")]
    pub admin_password_file: Option<PathBuf>,
}

/// A node and what is said of it: `NODE=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Before the first `=`.
    pub node: String,
    /// After it.
    pub value: String,
}

fn pair(text: &str) -> Result<Pair, String> {
    match text.split_once('=') {
        Some((node, value)) if !node.is_empty() && !value.is_empty() => {
            Ok(Pair { node: node.to_owned(), value: value.to_owned() })
        }
        _ => Err("write a node's name, \"=\" and the value".to_owned()),
    }
}

/// `--proxy-headers`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProxyHeadersArg {
    /// What the connection says counts
    None,
    /// X-Forwarded-For and the like
    Xforwarded,
    /// Forwarded, RFC 7239
    Forwarded,
}

impl ProxyHeadersArg {
    /// The word in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Xforwarded => "xforwarded",
            Self::Forwarded => "forwarded",
        }
    }
}

/// `--durability`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DurabilityArg {
    /// A failover may lose the last moments
    Async,
    /// Nothing acknowledged is lost; writes wait while the standby is away
    Strict,
}

impl DurabilityArg {
    /// The word in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::Strict => "strict",
        }
    }
}
