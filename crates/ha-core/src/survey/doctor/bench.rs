//! The container from which a node is looked at: made, started, removed.
//!
//! It publishes those of the node's ports that none of our own containers holds. That tells whether they are free and
//! whether the address is the host's, and its listener tells the other nodes whether they reach them.

use std::time::Duration;

use futures_util::future::{join, join_all};

use super::look::{Look, not_known};
use crate::context::Context;
use crate::doctor::{DoctorOptions, ImageFact, InsideFailure, Known, NotKnown, PortFact};
use crate::layout::{self, Component, KEYCLOAK_HTTP_PORT, LABEL_COMPONENT};
use crate::ports::{
    Container, ContainerRuntime, ContainerSpec, ContainerStatus, ExecSpec, HostFile, Image, Mount, PortBinding,
    RuntimeError,
};
use crate::reading::lacks;
use crate::topology::Topology;

/// Where its programs lie.
pub(super) const TOOLS: &str = "/ha-doctor";
/// Where the node's data is mounted, read-only, to see how large it is.
pub(super) const DATA: &str = "/ha-doctor-data";
/// A folder on the engine's disk: the volume without a name that the image declares, which goes with the container.
pub(super) const DISK: &str = layout::DATA_PATH;
/// The port inside on which its listener stands for PostgreSQL.
pub(super) const POSTGRES_PORT: u16 = 5432;

/// It ends by itself after that time, whatever became of whoever made it.
const LIFE: Duration = Duration::from_secs(240);
/// What all benches carry as their component.
const COMPONENT: &str = "job-doctor";
/// Until when, in milliseconds since 1970, a bench may be at work.
const LABEL_UNTIL: &str = "org.ha-cli.doctor-until";

/// A node's bench, or what became of it.
pub(super) struct Bench<'a> {
    /// A running container.
    pub(super) container: Result<Inside<'a>, InsideFailure>,
    /// Whether its listener can be reached where PostgreSQL will be.
    pub(super) listens: bool,
    pub(super) postgres_port: PortFact,
    pub(super) keycloak_port: PortFact,
    /// What Keycloak's image lacks.
    pub(super) keycloak_lacks: Known<Vec<String>>,
    /// Whether something may have to be removed.
    touched: bool,
    name: String,
}

/// A running container.
pub(super) struct Inside<'a> {
    runtime: &'a dyn ContainerRuntime,
    pub(super) name: String,
    /// By which its network knows it: with the longest names that of the container is none that can be looked up.
    pub(super) host: String,
    pub(super) has_data: bool,
}

impl Inside<'_> {
    /// Runs one of its programs to its end.
    pub(super) async fn run(&self, argv: &[&str], stdin: Option<Vec<u8>>, limit: Duration) -> Result<Said, NotKnown> {
        let spec = ExecSpec { argv: argv.iter().map(ToString::to_string).collect(), stdin, ..ExecSpec::default() };
        let output = self.runtime.exec(&self.name, &spec, limit).await.map_err(|error| not_known(&error))?;
        if output.exit_code != 0 {
            let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(NotKnown(format!("{} ended with code {}: {complaint}", argv.join(" "), output.exit_code)));
        }
        Ok(Said(String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}

/// What a program said: facts, `name=value`, one a line.
pub(super) struct Said(pub(super) String);

impl Said {
    /// Every value of that name.
    pub(super) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('=')).map(str::trim)
    }

    /// The last value of that name that is not empty.
    pub(super) fn get<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        self.all(name).filter(|value| !value.is_empty()).last()
    }

    /// The last value of that name, read.
    pub(super) fn read<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }
}

pub(super) async fn open<'a>(cluster: &Context, look: &Look<'a>, options: &DoctorOptions) -> Bench<'a> {
    let (bench, keycloak_lacks) = join(make(cluster, look, options), keycloak_lacks(cluster, look)).await;
    Bench { keycloak_lacks, ..bench }
}

async fn keycloak_lacks(cluster: &Context, look: &Look<'_>) -> Known<Vec<String>> {
    let unknown = || NotKnown("what Keycloak's image brings was not seen".to_owned());
    let found = look.found.as_ref().map_err(|_| unknown())?;
    let Ok(ImageFact::Present(image)) = &found.keycloak_image else { return Err(unknown()) };
    lacks(cluster, look.node, found.runtime, Component::Keycloak, image).await.ok_or_else(unknown)
}

async fn make<'a>(cluster: &Context, look: &Look<'a>, options: &DoctorOptions) -> Bench<'a> {
    let topology = &cluster.topology;
    let name = layout::one_off_name(topology, &look.node.name, &format!("doctor-{}", options.run));
    let without = |why: NotKnown, ports: [Option<PortFact>; 2]| {
        let [postgres_port, keycloak_port] = ports.map(|port| port.unwrap_or_else(|| PortFact::Unknown(why.clone())));
        let container = Err(InsideFailure::NotTried(why));
        let (name, keycloak_lacks) = (name.clone(), Ok(Vec::new()));
        Bench { container, listens: false, postgres_port, keycloak_port, keycloak_lacks, touched: false, name }
    };
    let Ok(found) = &look.found else {
        return without(NotKnown(format!("the engine of {} could not be asked", look.node.name)), [None, None]);
    };
    let known = [Component::Postgres, Component::Keycloak].map(|component| found.port(component));
    let image = match &found.postgres_image {
        Ok(ImageFact::Present(image)) => image,
        Ok(ImageFact::InRegistry | ImageFact::Missing { .. }) => {
            let image = &topology.images.postgres;
            return without(NotKnown(format!("it takes a container of {image}, which is not there yet")), known);
        }
        Err(why) => return without(why.clone(), known),
    };
    sweep(topology, look, found.runtime, options).await;
    let mut bench = Bench {
        container: Err(InsideFailure::NotTried(NotKnown(String::new()))),
        listens: false,
        postgres_port: PortFact::Free,
        keycloak_port: PortFact::Free,
        keycloak_lacks: Ok(Vec::new()),
        touched: true,
        name,
    };
    let spec = spec(cluster, look, image, options, &bench.name);
    let network = spec.network.clone().unwrap_or_default();
    // The cluster's own network is there where its containers are; it is not for this to make it.
    if found.postgres.as_ref().is_ok_and(Option::is_none)
        && let Err(error) = found.runtime.ensure_network(&network, &layout::labels(topology, None)).await
    {
        let failure = not_known(&error).0;
        return no_container(bench, known, failure);
    }
    start(found.runtime, spec, known, &mut bench, look).await;
    bench
}

fn no_container(mut bench: Bench<'_>, known: [Option<PortFact>; 2], message: String) -> Bench<'_> {
    let unknown = || PortFact::Unknown(NotKnown("no container could be started there".to_owned()));
    let [postgres, keycloak] = known.map(|port| port.unwrap_or_else(unknown));
    (bench.postgres_port, bench.keycloak_port) = (postgres, keycloak);
    bench.container = Err(InsideFailure::NoContainer(message));
    bench
}

/// Starts it with every port that is to be tried, and again without each that cannot be had.
async fn start<'a>(
    runtime: &'a dyn ContainerRuntime,
    mut spec: ContainerSpec,
    known: [Option<PortFact>; 2],
    bench: &mut Bench<'a>,
    look: &Look<'a>,
) {
    let node = look.node;
    let inside = [POSTGRES_PORT, KEYCLOAK_HTTP_PORT];
    let outside = [node.postgres_port, node.keycloak_port];
    let mut facts = known;
    loop {
        let tried: Vec<usize> = (0..2).filter(|&index| facts[index].is_none()).collect();
        spec.ports = tried
            .iter()
            .map(|&index| PortBinding {
                address: node.address,
                host_port: outside[index],
                container_port: inside[index],
            })
            .collect();
        let started = async {
            runtime.create_container(&spec).await?;
            runtime.put_files(&spec.name, &tools()).await?;
            runtime.start_container(&spec.name).await
        };
        let error = match started.await {
            Ok(()) => {
                bench.listens = tried.contains(&0);
                bench.container = Ok(Inside {
                    runtime,
                    name: spec.name.clone(),
                    host: spec.aliases.concat(),
                    has_data: spec.mounts.iter().any(|mount| mount.path == DATA),
                });
                break;
            }
            Err(error) => error,
        };
        // One whose start failed keeps its ports; it is made anew. When that fails, so does the next making, and says so.
        drop(runtime.remove_container(&spec.name).await);
        match error {
            RuntimeError::PortTaken { port, .. } if tried.iter().any(|&index| outside[index] == port) => {
                let taken = taken(holder(runtime, node.address, port).await);
                for index in tried.into_iter().filter(|&index| outside[index] == port) {
                    facts[index] = Some(taken.clone());
                }
            }
            RuntimeError::AddressNotThere { .. } if !tried.is_empty() => {
                for index in tried {
                    facts[index] = Some(PortFact::NoAddress);
                }
            }
            error => {
                bench.container = Err(InsideFailure::NoContainer(not_known(&error).0));
                let why = NotKnown("no container could be started there".to_owned());
                for index in tried {
                    facts[index] = Some(PortFact::Unknown(why.clone()));
                }
                break;
            }
        }
    }
    let [postgres, keycloak] = facts.map(|fact| fact.unwrap_or(PortFact::Free));
    (bench.postgres_port, bench.keycloak_port) = (postgres, keycloak);
}

/// Another run's bench is no reason to call the port taken: it goes.
fn taken(holder: Option<Container>) -> PortFact {
    match holder {
        Some(bench) if bench.labels.get(LABEL_COMPONENT).is_some_and(|component| component == COMPONENT) => {
            let name = &bench.name;
            PortFact::Unknown(NotKnown(format!(
                "another doctor is at it ({name}); what was left of one ends in minutes"
            )))
        }
        holder => PortFact::Taken { container: holder.map(|container| container.name) },
    }
}

/// The container that publishes a port of an address, if it is one.
async fn holder(runtime: &dyn ContainerRuntime, address: std::net::IpAddr, port: u16) -> Option<Container> {
    let containers = runtime.list_containers(&std::collections::BTreeMap::new()).await.ok()?;
    let holds = |container: &Container| {
        container.status == ContainerStatus::Running
            && container
                .ports
                .iter()
                .any(|at| at.host_port == port && (at.address == address || at.address.is_unspecified()))
    };
    containers.into_iter().find(holds)
}

fn spec(cluster: &Context, look: &Look<'_>, image: &Image, options: &DoctorOptions, name: &str) -> ContainerSpec {
    let topology = &cluster.topology;
    let found = look.found.as_ref().ok();
    let stands = found.is_some_and(|found| !found.postgres.as_ref().is_ok_and(Option::is_none));
    let network = if stands { layout::network_name(topology) } else { own_network(topology) };
    let has_data = found.is_some_and(|found| found.has_data == Ok(true));
    let data = has_data.then(|| Mount {
        volume: layout::volume_name(topology, &look.node.name, "data"),
        path: DATA.to_owned(),
        read_only: true,
    });
    let mut labels = layout::labels(topology, Some(&look.node.name));
    labels.insert(LABEL_COMPONENT.to_owned(), COMPONENT.to_owned());
    let until = options.unix_ms.saturating_add(i64::try_from(LIFE.as_millis()).unwrap_or(i64::MAX) * 2);
    labels.insert(LABEL_UNTIL.to_owned(), until.to_string());
    let mut spec = ContainerSpec {
        name: name.to_owned(),
        image: image.id.clone(),
        hostname: Some("ha-doctor".to_owned()),
        entrypoint: Some(vec!["/bin/sh".to_owned(), format!("{TOOLS}/serve.sh")]),
        command: vec![LIFE.as_secs().to_string(), POSTGRES_PORT.to_string(), KEYCLOAK_HTTP_PORT.to_string()],
        labels,
        mounts: data.into_iter().collect(),
        network: Some(network),
        aliases: vec![host(look.node.name.as_str(), &options.run)],
        user: Some("root".to_owned()),
        ..ContainerSpec::default()
    };
    layout::rights::of_look(&mut spec);
    spec
}

/// A name on the network for a node's bench, which no other has: at most 55 characters, of the 63 that one may have.
fn host(node: &str, run: &str) -> String {
    format!("ha-{run}-{node}")
}

fn tools() -> Vec<HostFile> {
    [
        ("serve.sh", include_str!("assets/serve.sh")),
        ("serve.pl", include_str!("assets/serve.pl")),
        ("talk.pl", include_str!("assets/talk.pl")),
        ("reach.sh", include_str!("assets/reach.sh")),
        ("speed.sh", include_str!("assets/speed.sh")),
        ("disk.sh", include_str!("assets/disk.sh")),
        ("facts.sh", concat!(include_str!("../../layout/assets/tools.sh"), include_str!("assets/facts.sh"))),
    ]
    .map(|(name, content)| HostFile::new(format!("{TOOLS}/{name}"), content, 0o644))
    .into()
}

/// A network of the same kind as the cluster's, for as long as there is none.
fn own_network(topology: &Topology) -> String {
    format!("{}-doctor-net", topology.cluster.name)
}

/// Removes what runs that were killed have left: benches that have ended, and those past their time. One that is at
/// work for somebody else stays.
async fn sweep(topology: &Topology, look: &Look<'_>, runtime: &dyn ContainerRuntime, options: &DoctorOptions) {
    let mut labels = layout::selector(topology, Some(&look.node.name));
    labels.insert(LABEL_COMPONENT.to_owned(), COMPONENT.to_owned());
    let left = runtime.list_containers(&labels).await.unwrap_or_default();
    let over = |container: &Container| {
        let until = container.labels.get(LABEL_UNTIL).and_then(|text| text.parse::<i64>().ok());
        let ended = matches!(container.status, ContainerStatus::Exited { .. } | ContainerStatus::Dead);
        ended || until.is_none_or(|until| until < options.unix_ms)
    };
    // What cannot be removed disturbs nobody, and the next run tries again.
    join_all(left.iter().filter(|left| over(left)).map(|left| runtime.remove_container(&left.name))).await;
}

/// Removes every bench, then the network they had. Never fails: what cannot be removed now, the next run removes.
pub(super) async fn close(cluster: &Context, looks: &[Look<'_>], benches: &[Bench<'_>]) {
    let touched = || {
        looks.iter().zip(benches).filter_map(|(look, bench)| {
            bench.touched.then_some(())?;
            Some((look.found.as_ref().ok()?, bench))
        })
    };
    join_all(touched().map(|(found, bench)| found.runtime.remove_container(&bench.name))).await;
    let network = own_network(&cluster.topology);
    join_all(touched().map(|(found, _)| found.runtime.remove_network(&network))).await;
}
