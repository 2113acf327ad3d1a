//! A folder with a cluster's file in which the program runs, as a person or a script runs it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ha_tests::{Pair, PairOptions, Removal, free_port, fresh_name};
use serde_json::Value;

use crate::program::{Ran, Running, command, program};
use crate::terminal::Terminal;

pub(crate) struct Site {
    folder: PathBuf,
    pub(crate) cluster: String,
    pub(crate) ports: [u16; 4],
    _removal: Option<Removal>,
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Site {
    /// Runs `setup --demo` in a folder of its own. `secrets` are environment variables with passwords.
    #[track_caller]
    pub(crate) fn demo(secrets: &[(&str, &str)]) -> Self {
        let cluster = fresh_name();
        let folder = std::env::temp_dir().join(&cluster);
        std::fs::create_dir_all(&folder).unwrap();
        let ports = [(); 4].map(|()| free_port().unwrap());
        let removal = Removal::of(&cluster, vec!["vm1".to_owned(), "vm2".to_owned()]);
        let site = Self { folder, cluster, ports, _removal: Some(removal) };
        let images = PairOptions::default();
        let port = |node: &str, index: usize| format!("{node}={}", site.ports[index]);
        let arguments = [
            "setup",
            "--demo",
            "--cluster-name",
            &site.cluster,
            "--postgres-image",
            &images.postgres_image,
            "--keycloak-image",
            &images.keycloak_image,
            "--postgres-port",
            &port("vm1", 0),
            "--postgres-port",
            &port("vm2", 1),
            "--keycloak-port",
            &port("vm1", 2),
            "--keycloak-port",
            &port("vm2", 3),
            "--public-url",
            &format!("http://127.0.0.1:{}", site.ports[2]),
        ];
        let mut command = site.command(&arguments);
        command.envs(secrets.iter().copied());
        Running::start(command).end().ends_with(0);
        site
    }

    /// The program's view of a pair that stands already: its file and its secrets.
    #[track_caller]
    pub(crate) fn of(pair: &Pair) -> Self {
        let topology = pair.topology();
        let cluster = topology.cluster.name.to_string();
        let folder = std::env::temp_dir().join(format!("{cluster}-site"));
        std::fs::create_dir_all(&folder).unwrap();
        let nodes = topology.nodes();
        let ports = [nodes[0].postgres_port, nodes[1].postgres_port, nodes[0].keycloak_port, nodes[1].keycloak_port];
        pair.write_files(&folder).unwrap();
        // What stands belongs to the pair, which removes it.
        Self { folder, cluster, ports, _removal: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Changes the cluster's file.
    #[track_caller]
    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path("ha.toml")).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "the change found nothing to change");
        std::fs::write(self.path("ha.toml"), changed).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(&self.folder, arguments)
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    /// Runs it on a terminal of its own, and writes down which process that is, in the file `pid`.
    pub(crate) fn start_on_a_terminal(&self, arguments: &str) -> Terminal {
        let line = format!("sh -c 'echo $$ >pid; exec {} {arguments}'", program().display());
        let settings = self.command(&[]);
        Terminal::start(&line, (100, 40), |command| {
            command.env_clear().current_dir(&self.folder);
            settings.get_envs().for_each(|(name, value)| {
                command.env(name, value.unwrap_or_default());
            });
        })
    }

    #[track_caller]
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }
}

/// Looks until `health` ends with that code.
#[track_caller]
pub(crate) fn until(site: &Site, code: i32) -> (Ran, Value) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let ran = site.run(&["health", "--output", "json"]);
        let report = ran.json();
        if ran.code == Some(code) {
            return (ran, report);
        }
        assert!(Instant::now() < deadline, "health never ended with {code}: {ran:#?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
