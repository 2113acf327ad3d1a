//! The whole line: what holds for every command, and the commands.

use clap::{Args, Parser, Subcommand};

use super::doctor::DoctorArgs;
use super::failover::FailoverArgs;
use super::history::HistoryArgs;
use super::monitor::MonitorArgs;
use super::rejoin::{RebuildArgs, RejoinArgs};
use super::replication::ReplicationCommand;
use super::run::{DownArgs, HealthArgs, LogsArgs, StatusArgs, UpArgs};
use super::setup::SetupArgs;
use super::switchover::SwitchoverArgs;
use crate::globals::Globals;

/// One highly available Keycloak on plain Docker hosts
///
/// PostgreSQL streaming replication underneath, a read-write Keycloak on the primary's host, a read-only one on every
/// standby's. Start with `ha-cli setup`.
#[derive(Debug, Parser)]
#[command(
    name = "ha-cli",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 healthy or done, 1 failed, 2 wrong usage or configuration, 3 degraded, 4 down, \
                  5 refused for safety, 130 ended by ctrl-c"
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the cluster's file and its secrets, or take over those of the first host
    Setup(Box<SetupArgs>),
    /// Show or check the cluster's file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a configuration of HAProxy that always finds the node with the right role
    Haproxy(HaproxyArgs),
    /// Make it so: databases, replication, Keycloaks; shows its plan first, and does nothing twice
    Up(UpArgs),
    /// Stop nodes; their data is kept unless --volumes destroys it
    Down(DownArgs),
    /// Change roles as planned: a standby becomes the primary, the primary a standby; nothing is lost
    Switchover(SwitchoverArgs),
    /// The primary is lost: a standby takes its place; looks before it acts, and says what may be lost
    Failover(FailoverArgs),
    /// The old primary comes back, as a standby; shows first what only its data holds
    Rejoin(RejoinArgs),
    /// A standby that is lost or broken gets a new copy of the primary's data
    Rebuild(RebuildArgs),
    /// Show or change how durable an acknowledged write is, while everything runs
    #[command(subcommand)]
    Replication(ReplicationCommand),
    /// What would happen if a node died now: who takes over, what is lost, what needs a hand
    Explain,
    /// One look at the whole cluster
    Status(StatusArgs),
    /// What is wrong, and what to do about it
    Health(HealthArgs),
    /// What the nodes' PostgreSQL and Keycloak wrote
    Logs(LogsArgs),
    /// Look again and again, until interrupted; tells what changes, and the lag over time
    Monitor(MonitorArgs),
    /// What was done to the cluster: when, by whom, how long it took, and how it ended
    History(HistoryArgs),
    /// Whether the hosts are fit: engine, disk, ports, network, clocks, images, kernel, memory; before `up` and after
    Doctor(DoctorArgs),
    /// Prove that data arrives: make a realm and a user, find them on every standby, log in there, remove them
    Verify,
    /// Print the JSON schema of what every command prints with --output json
    Schema,
    /// Print the completions of a shell
    Completions(CompletionsArgs),
}

/// What to do with the cluster's file.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting in effect and where it comes from; secrets stay hidden
    Show,
    /// Say everything that is wrong with the file and the secrets, and what the nodes run that the file does not say
    Check(CheckArgs),
}

/// `haproxy`
#[derive(Debug, Args)]
#[command(after_help = "For example: ha-cli haproxy > /etc/haproxy/haproxy.cfg\n\
                        haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy")]
pub struct HaproxyArgs {
    /// Where HAProxy listens for everybody: the read-write node answers, and the read-only ones while there is none
    #[arg(long, value_name = "[ADDRESS]:PORT", default_value = ":8080", value_parser = bind)]
    pub bind: String,

    /// Where HAProxy listens for those who only read: the read-only nodes answer, and the read-write one while there is
    /// none
    #[arg(long, value_name = "[ADDRESS]:PORT", default_value = ":8081", value_parser = bind)]
    pub bind_read_only: String,

    /// Where HAProxy shows its statistics, and at /metrics Prometheus', to whoever gets there
    #[arg(long, value_name = "[ADDRESS]:PORT", default_value = "127.0.0.1:8404", value_parser = bind)]
    pub bind_statistics: String,

    /// A file with the certificate and its key, as HAProxy reads it: TLS ends at HAProxy
    #[arg(long, value_name = "FILE", value_parser = file_name)]
    pub certificate: Option<String>,
}

/// A line of a configuration holds no control character.
fn file_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("write the path of a file, without control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// What HAProxy takes as an address to listen on. It ends up in a configuration, so nothing else may be in it.
fn bind(text: &str) -> Result<String, String> {
    let wrong = || "write a port, with an address before it where not every one is meant: \":8080\"".to_owned();
    let (address, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    let good_address = address.is_empty() || address == "*" || bare.parse::<std::net::IpAddr>().is_ok();
    let good_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    if good_address && good_port { Ok(text.to_owned()) } else { Err(wrong()) }
}

/// `config check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The files only: contact no node
    #[arg(long)]
    pub offline: bool,
}

/// `completions`
#[derive(Debug, Args)]
#[command(after_help = "bash: ha-cli completions bash > /etc/bash_completion.d/ha-cli\n\
                        zsh:  ha-cli completions zsh > /usr/local/share/zsh/site-functions/_ha-cli\n\
                        fish: ha-cli completions fish > /etc/fish/completions/ha-cli.fish\n\n\
                        The script asks `ha-cli` itself, so that the names of nodes are among what is offered. Print it anew after an update.")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
