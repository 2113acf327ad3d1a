//! A folder with a cluster's file in which the program runs, as a person or a script runs it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use ha_tests::{Pair, PairOptions, Removal, free_port, fresh_name};

/// Most time for one run of the program, the first start of two Keycloaks on a busy machine included.
const LIMIT: Duration = Duration::from_secs(400);

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

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// The program: `HA_CLI`, else the one beside these tests.
fn program() -> PathBuf {
    let named = std::env::var_os("HA_CLI").map(PathBuf::from);
    let program = named.unwrap_or_else(|| {
        let tests = std::env::current_exe().unwrap();
        tests.parent().and_then(Path::parent).unwrap().join("ha-cli")
    });
    assert!(program.exists(), "{} is missing: cargo build -p ha-cli", program.display());
    program
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

    fn command<S: Into<OsString> + Clone>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(program());
        command.current_dir(&self.folder).env_clear().env("HOME", &self.folder).stdin(Stdio::null());
        for kept in ["DOCKER_HOST", "PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.args(arguments.iter().cloned().map(Into::into));
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    #[track_caller]
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }
}

/// A run under way, its outputs read so that it never waits for a reader.
pub(crate) struct Running {
    child: Process,
    begun: Instant,
    out: Lines,
    err: Lines,
}

/// Ends with the test, also one that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What comes out of a pipe, line by line, read by a thread of its own.
struct Lines {
    from: Receiver<String>,
    /// What has been taken.
    text: String,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, from) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { from, text: String::new() }
    }

    fn take(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Waits for a line like that; `false` when the pipe is closed or the time is over without.
    fn until(&mut self, deadline: Instant, wanted: impl Fn(&str) -> bool) -> bool {
        while let Ok(line) = self.from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.take(&line);
            if wanted(&line) {
                return true;
            }
        }
        false
    }

    /// What is there already.
    fn so_far(&mut self) -> &str {
        while let Ok(line) = self.from.try_recv() {
            self.take(&line);
        }
        &self.text
    }

    /// All of it, once the program has ended.
    fn rest(mut self) -> String {
        while let Ok(line) = self.from.recv() {
            self.take(&line);
        }
        self.text
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
        Self { child: Process(child), begun: Instant::now(), out, err }
    }

    /// Waits until it says such a line on standard error; `false` when it ends without.
    pub(crate) fn says(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        self.err.until(self.begun + LIMIT, wanted)
    }

    /// The same of standard output.
    pub(crate) fn prints(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        self.out.until(self.begun + LIMIT, wanted)
    }

    /// What it has said so far, on both.
    pub(crate) fn so_far(&mut self) -> String {
        format!("{}{}", self.out.so_far(), self.err.so_far())
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.0.id().to_string()]).status().unwrap();
        assert!(status.success(), "the program had ended already: {}", self.err.text);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let status = self.wait();
        let took = self.begun.elapsed();
        let (out, err) = (self.out.rest(), self.err.rest());
        assert!(status.signal().is_none_or(|signal| signal == 9), "ended by a signal: {status}: {err}");
        Ran { code: status.code(), out, err, took }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                return status;
            }
            if self.begun.elapsed() > LIMIT {
                panic!("it hangs; so far it said: {}", self.so_far());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
