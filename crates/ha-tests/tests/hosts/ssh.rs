//! An engine behind an `sshd` in a host.

use std::fs;
use std::net::{IpAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ha_tests::hosts::Hosts;

use crate::actor::Actor;
use crate::gone::no_process_with;
use crate::world::{World, eventually};

/// For who is to answer, and for who is not.
const PATIENT: &str = "10000";
const LIMIT: Duration = Duration::from_secs(1);

/// Why there can be no `sshd` in a host.
pub(crate) fn unavailable() -> Option<String> {
    let missing: Vec<&str> =
        ["sshd", "ssh", "ssh-keygen", "docker"].into_iter().filter(|name| find(name).is_none()).collect();
    if missing.is_empty() { None } else { Some(format!("there is no {}", missing.join(", no "))) }
}

fn find(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    // sshd is for root, whose PATH is not always everybody's.
    let folders = std::env::split_paths(&paths).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|path| path.exists())
}

/// An `sshd` in host 1, and what a client needs for it. It ends with the host.
struct Shell<'h> {
    hosts: &'h Hosts,
    address: IpAddr,
    folder: PathBuf,
}

impl<'h> Shell<'h> {
    fn on(hosts: &'h Hosts) -> Self {
        let folder = hosts.shared_folder().join("ssh");
        let address = hosts.address(1).unwrap();
        fs::create_dir_all(&folder).unwrap();
        for key in ["host", "user", "other"] {
            let path = folder.join(key);
            if !path.exists() {
                let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
                assert!(made.unwrap().success());
            }
        }
        let key = fs::read_to_string(folder.join("host.pub")).unwrap();
        fs::write(folder.join("known_hosts"), format!("{address} {key}")).unwrap();
        fs::write(folder.join("nobody"), "").unwrap();
        let shell = Self { hosts, address, folder };
        shell.serve();
        shell
    }

    fn serve(&self) {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let config = format!(
            "ListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
            self.address,
            path("host"),
            path("user.pub")
        );
        fs::write(self.folder.join("sshd_config"), config).unwrap();
        self.hosts.exec(1, &["mkdir", "-p", "/run/sshd"]).unwrap();
        let sshd = find("sshd").unwrap().display().to_string();
        let output = self.hosts.exec(1, &[&sshd, "-f", &path("sshd_config"), "-E", &path("sshd.log")]).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        eventually("sshd listens", || TcpStream::connect((self.address, 22)).is_ok());
    }

    /// A client that asks the engine, as whoever has that key, knowing the hosts of that file.
    ///
    /// ha-docker takes the `ssh` program of the `PATH` and its user's configuration; so an `ssh` that names another
    /// configuration stands before it. The folder's name is in the command line of each process, by which it is known.
    fn client(&self, name: &str, key: &str, known: &str) -> (Actor, PathBuf) {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {}\nGlobalKnownHostsFile none\n",
            self.folder.join(key).display(),
            self.folder.join(known).display()
        );
        fs::write(folder.join("config"), config).unwrap();
        let real = find("ssh").unwrap();
        write_program(
            &folder.join("ssh"),
            &format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", real.display(), folder.join("config").display()),
        );
        let paths = std::env::var_os("PATH").unwrap();
        let paths = std::env::join_paths([folder.clone()].into_iter().chain(std::env::split_paths(&paths))).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env("PATH", paths);
        let endpoint = format!("ssh://root@{}", self.address);
        let actor = Actor::by(command, &["ask", &endpoint]);
        assert_eq!(actor.hears(crate::world::PATIENCE).as_deref(), Some("ready"));
        (actor, folder)
    }
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// Ends a client, after which no `ssh` of it may be left.
fn end(client: (Actor, PathBuf)) {
    let (actor, folder) = client;
    actor.end();
    no_process_with(&folder.display().to_string());
}

pub(crate) fn a_known_host_answers_and_a_stranger_is_refused(world: &World) {
    let expected = format!("engine {}", world.engine_id(1));
    let shell = Shell::on(&world.hosts);
    let mut known = shell.client("known", "user", "known_hosts");
    assert_eq!(known.0.says(PATIENT), expected);
    assert_eq!(known.0.says(PATIENT), expected);
    end(known);
    let mut unknown = shell.client("unknown", "user", "nobody");
    assert_eq!(unknown.0.says(PATIENT), "untrusted");
    end(unknown);
    // Somebody else answers at the address of a host that is known.
    let other = fs::read_to_string(shell.folder.join("other.pub")).unwrap();
    fs::write(shell.folder.join("changed"), format!("{} {other}", shell.address)).unwrap();
    let mut changed = shell.client("changed-key", "user", "changed");
    assert_eq!(changed.0.says(PATIENT), "untrusted");
    end(changed);
    let mut denied = shell.client("denied", "other", "known_hosts");
    assert_eq!(denied.0.says(PATIENT), "denied");
    end(denied);
}

pub(crate) fn a_host_without_power_is_given_up_within_the_limit(world: &World) {
    let expected = format!("engine {}", world.engine_id(1));
    let shell = Shell::on(&world.hosts);
    let mut connected = shell.client("connected", "user", "known_hosts");
    assert_eq!(connected.0.says(PATIENT), expected);
    world.hosts.power_off(1).unwrap();
    let mut new = shell.client("new", "user", "known_hosts");
    for client in [&mut connected, &mut new] {
        let began = Instant::now();
        let said = client.0.says(&LIMIT.as_millis().to_string());
        assert_eq!(said, "timed out");
        assert!(began.elapsed() < 2 * LIMIT, "{:?}", began.elapsed());
    }
    end(connected);
    end(new);
    world.hosts.boot(1).unwrap();
    shell.serve();
    let mut again = shell.client("again", "user", "known_hosts");
    assert_eq!(again.0.says(PATIENT), expected);
    end(again);
}
