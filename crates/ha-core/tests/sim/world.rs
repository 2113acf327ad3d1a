//! The state that the fakes share: engines with what stands on them, and the databases.

use std::collections::{BTreeMap, BTreeSet};

use ha_core::layout::{IDENTITY_PATH, LABEL_COMPONENT, LABEL_SYSTEM, PASSFILE_PATH, PGDATA};
use ha_core::ports::{Container, ContainerSpec, ContainerStatus, HostFile, Image, LogLine, Stream};
use ha_core::values::SystemIdentifier;

/// Everything there is.
#[derive(Debug, Default, Clone)]
pub(crate) struct World {
    pub(crate) engines: Vec<Engine>,
    /// The content of each database: a standby has that of its primary.
    pub(crate) databases: BTreeMap<u64, Database>,
    /// How many databases were ever made.
    pub(crate) made: u64,
}

/// One Docker engine.
#[derive(Debug, Default, Clone)]
pub(crate) struct Engine {
    pub(crate) id: String,
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) networks: BTreeSet<String>,
    pub(crate) volumes: BTreeMap<String, VolumeContent>,
    pub(crate) containers: BTreeMap<String, Fake>,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct VolumeContent {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) data: Data,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// What is in a data volume.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) enum Data {
    #[default]
    Empty,
    Partial,
    Complete {
        system: u64,
        standby: bool,
    },
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Database {
    pub(crate) roles: BTreeMap<String, String>,
    pub(crate) slots: BTreeSet<String>,
    /// What was noted when all of it was set up.
    pub(crate) set_up: Option<String>,
    pub(crate) exists: bool,
    pub(crate) schema: bool,
    pub(crate) admin: Option<String>,
    pub(crate) clients: BTreeMap<String, String>,
}

/// A container.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    pub(crate) spec: ContainerSpec,
    pub(crate) status: ContainerStatus,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) log: Vec<LogLine>,
    /// Whom a server follows, read when it starts or reloads.
    pub(crate) upstream: Option<String>,
    /// A Keycloak that has come so far.
    pub(crate) ready: bool,
}

impl Fake {
    pub(crate) fn component(&self) -> &str {
        self.spec.labels.get(LABEL_COMPONENT).map_or("", String::as_str)
    }

    pub(crate) fn is_job(&self) -> bool {
        self.component().starts_with("job-")
    }

    /// A Keycloak whose options it refuses.
    pub(crate) fn will_not_start(&self) -> bool {
        let conf = self.files.get("/opt/keycloak/conf/keycloak.conf").map(|conf| String::from_utf8_lossy(conf));
        conf.is_some_and(|conf| conf.contains("log-level=nonsense\n"))
    }

    pub(crate) fn running(&self) -> bool {
        self.status == ContainerStatus::Running
    }

    pub(crate) fn container(&self) -> Container {
        Container {
            id: format!("id of {}", self.spec.name),
            name: self.spec.name.clone(),
            image_id: self.spec.image.clone(),
            status: self.status,
            labels: self.spec.labels.clone(),
            entrypoint: self.spec.entrypoint.clone().unwrap_or_default(),
            restart: self.spec.restart,
            restarts: 0,
            started_at: None,
            oom_killed: false,
            ports: self.spec.ports.clone(),
            start_error: None,
            off_network: false,
        }
    }

    fn volume(&self, path: &str) -> Option<&str> {
        let holds = |place: &str| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.spec.mounts.iter().find(|mount| holds(&mount.path)).map(|mount| mount.volume.as_str())
    }
}

impl Engine {
    pub(crate) fn put(&mut self, name: &str, files: &[HostFile]) {
        for file in files {
            let fake = self.containers.get_mut(name).expect("the caller looked");
            match fake.volume(&file.path).map(str::to_owned) {
                Some(volume) => {
                    let volume = self.volumes.entry(volume).or_default();
                    volume.files.insert(file.path.clone(), file.content.clone());
                }
                None => drop(fake.files.insert(file.path.clone(), file.content.clone())),
            }
        }
    }

    pub(crate) fn file(&self, name: &str, path: &str) -> Option<Vec<u8>> {
        let fake = &self.containers[name];
        let Some(volume) = fake.volume(path) else { return fake.files.get(path).cloned() };
        let content = self.volumes.get(volume)?;
        match (path.strip_prefix(PGDATA), content.data) {
            (Some("/PG_VERSION"), Data::Complete { .. }) => Some(b"17\n".to_vec()),
            (Some("/standby.signal"), Data::Complete { standby: true, .. }) => Some(Vec::new()),
            (Some(_), _) => None,
            (None, _) => content.files.get(path).cloned(),
        }
    }

    pub(crate) fn data(&mut self, name: &str) -> &mut Data {
        let volume = self.containers[name].volume(PGDATA).expect("it has a data volume").to_owned();
        &mut self.volumes.entry(volume).or_default().data
    }

    fn identity(&self, name: &str) -> Option<u64> {
        String::from_utf8(self.file(name, IDENTITY_PATH)?).ok()?.trim().parse().ok()
    }

    fn pin(&mut self, name: &str, system: u64) {
        self.put(name, &[HostFile::new(IDENTITY_PATH, format!("{system}\n"), 0o644)]);
    }

    /// What `upstream.conf` names, as PostgreSQL would read it.
    pub(crate) fn upstream(&self, name: &str) -> Option<String> {
        let text = String::from_utf8(self.file(name, "/ha/config/upstream.conf")?).ok()?;
        let host = text.split("host=''").nth(1)?.split("''").next()?;
        let port = text.split(" port=").nth(1)?.split(' ').next()?;
        Some(format!("{host}:{port}"))
    }

    /// The guard's decision: only the node's own database is started.
    pub(crate) fn start_postgres(&mut self, name: &str) {
        let identity = self.identity(name);
        let fits = matches!(*self.data(name), Data::Complete { system, .. } if Some(system) == identity);
        let complete = fits && self.file(name, PASSFILE_PATH).is_some();
        let upstream = self.upstream(name);
        let fake = self.containers.get_mut(name).expect("the caller looked");
        fake.status = if complete { ContainerStatus::Running } else { ContainerStatus::Exited { code: 78 } };
        fake.upstream = upstream;
    }
}

impl World {
    /// The database of the server that runs in that container, and whether it is a standby.
    pub(crate) fn server(&mut self, engine: usize, name: &str) -> Option<(u64, bool)> {
        let engine = &mut self.engines[engine];
        if !engine.containers.get(name)?.running() {
            return None;
        }
        match *engine.data(name) {
            Data::Complete { system, standby } => Some((system, standby)),
            Data::Empty | Data::Partial => None,
        }
    }

    /// A job that was started comes to its end: what its script would have done is done.
    pub(crate) fn finish_job(&mut self, engine: usize, name: &str) {
        let Some(fake) = self.engines[engine].containers.get(name) else { return };
        if !fake.running() || !fake.is_job() {
            return;
        }
        let (component, command) = (fake.component().to_owned(), fake.spec.command.clone());
        let done = match component.as_str() {
            "job-init" => self.init(engine, name),
            "job-copy" => self.copy(engine, name, &command),
            "job-examine" => self.examine(engine, name),
            "job-try" => Ok(Vec::new()),
            "job-look-postgres" | "job-look-keycloak" => Ok(vec!["lacks=".to_owned()]),
            other => panic!("nobody knows the job {other}"),
        };
        let (code, lines) = match done {
            Ok(lines) => (0, lines),
            Err(line) => (1, vec![line]),
        };
        let fake = self.engines[engine].containers.get_mut(name).expect("it was there");
        fake.log = lines.into_iter().map(|text| LogLine { stream: Stream::Stdout, text }).collect();
        fake.status = ContainerStatus::Exited { code };
    }

    fn init(&mut self, at: usize, name: &str) -> Result<Vec<String>, String> {
        let engine = &mut self.engines[at];
        if let Data::Complete { system, .. } = *engine.data(name) {
            return Ok(vec![format!("system_identifier={system}")]);
        }
        if *engine.data(name) == Data::Empty && engine.identity(name).is_some() {
            return Err("this node was given a database, and it is gone".to_owned());
        }
        self.made += 1;
        let system = 7_000_000_000_000_000_000 + self.made;
        engine.pin(name, system);
        *engine.data(name) = Data::Complete { system, standby: false };
        self.databases.insert(system, Database::default());
        Ok(vec![format!("system_identifier={system}")])
    }

    fn copy(&mut self, at: usize, name: &str, command: &[String]) -> Result<Vec<String>, String> {
        let [_, slot, system, version] = command else { return Err("wrong arguments".to_owned()) };
        let system: u64 = system.parse().map_err(|_| "no system identifier".to_owned())?;
        let database = self.databases.get(&system).ok_or("no such database")?;
        if version != "17.6" || !database.slots.contains(slot) {
            return Err(format!("there is no slot {slot}"));
        }
        let passfile = self.engines[at].file(name, PASSFILE_PATH).ok_or("no passfile")?;
        let password = database.roles.get("ha_replication").ok_or("no replication role")?;
        if !String::from_utf8_lossy(&passfile).contains(password) {
            return Err("password authentication failed".to_owned());
        }
        let primary = self.engines.iter_mut().any(|engine| {
            let servers: Vec<_> =
                engine.containers.values().filter(|it| it.component() == "postgres").cloned().collect();
            servers
                .iter()
                .filter(|it| it.running())
                .any(|it| *engine.data(&it.spec.name) == Data::Complete { system, standby: false })
        });
        if !primary {
            return Err("the primary does not run".to_owned());
        }
        let engine = &mut self.engines[at];
        if !matches!(engine.data(name), Data::Complete { .. }) {
            engine.pin(name, system);
            *engine.data(name) = Data::Complete { system, standby: true };
        }
        Ok(vec![" 100/200 kB (50%), 0/1 tablespace".to_owned(), format!("system_identifier={system}")])
    }

    fn examine(&mut self, at: usize, name: &str) -> Result<Vec<String>, String> {
        let engine = &mut self.engines[at];
        let mut lines: Vec<_> = engine.identity(name).map(|system| format!("identity={system}")).into_iter().collect();
        match *engine.data(name) {
            Data::Empty => lines.push("data=empty".to_owned()),
            Data::Partial => lines.push("data=partial".to_owned()),
            Data::Complete { system, standby } => {
                lines.extend(["data=complete".to_owned(), format!("system_identifier={system}")]);
                lines.extend(standby.then(|| "standby_signal=yes".to_owned()));
            }
        }
        Ok(lines)
    }

    /// The power of every host fails while jobs run: they end, and leave what they had. Tells whether any ran.
    pub(crate) fn power_cut(&mut self) -> bool {
        let mut any = false;
        for engine in &mut self.engines {
            let jobs: Vec<_> = engine.containers.values().filter(|it| it.is_job() && it.running()).cloned().collect();
            for job in jobs {
                any = true;
                let makes_data = matches!(job.component(), "job-init" | "job-copy");
                if makes_data && *engine.data(&job.spec.name) == Data::Empty {
                    *engine.data(&job.spec.name) = Data::Partial;
                    // The latest moment: pinned, and not yet in its place.
                    engine.pin(&job.spec.name, 1);
                }
                engine.containers.get_mut(&job.spec.name).expect("it was listed").status =
                    ContainerStatus::Exited { code: 137 };
            }
        }
        any
    }

    /// The world without what may differ between two ways to the same end: identifiers that are drawn, the scripts of
    /// jobs that ran.
    pub(crate) fn essence(&self) -> String {
        let mut systems: Vec<u64> = Vec::new();
        let mut text = String::new();
        for engine in &self.engines {
            for (name, fake) in &engine.containers {
                let label = fake.spec.labels.get(LABEL_SYSTEM).and_then(|text| text.parse::<SystemIdentifier>().ok());
                text += &format!("{name} {:?} {:?} ready={}\n", fake.status, fake.upstream, fake.ready);
                let files: Vec<_> =
                    fake.files.iter().map(|(path, content)| (path, String::from_utf8_lossy(content))).collect();
                text += &format!("  {label:?} {files:?}\n");
            }
            for (name, volume) in &engine.volumes {
                let files: Vec<_> = volume
                    .files
                    .iter()
                    .filter(|(path, _)| !path.ends_with(".sh") || path.ends_with("guard.sh"))
                    .map(|(path, content)| (path, String::from_utf8_lossy(content)))
                    .collect();
                if let Data::Complete { system, .. } = volume.data {
                    systems.push(system);
                }
                text += &format!("{name} {:?} {:?} {files:?}\n", volume.labels, volume.data);
            }
            text += &format!("{:?} {:?}\n", engine.networks, engine.images.keys());
        }
        for system in &systems {
            text += &format!("{:?}\n", self.databases.get(system));
        }
        systems.sort_unstable();
        systems.dedup();
        for (index, system) in systems.iter().enumerate() {
            text = text.replace(&system.to_string(), &format!("system {index}"));
        }
        text
    }
}
