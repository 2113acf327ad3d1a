//! What an engine tells by itself, without a container.

use std::net::SocketAddr;

use futures_util::future::join;

use crate::causes::chain;
use crate::context::Context;
use crate::doctor::{DoctorOptions, ImageFact, Known, NotKnown, PortFact, Running};
use crate::layout::{self, Component};
use crate::observe::{ClockReading, Unobserved, UnobservedWhy};
use crate::ports::{Clock, Container, ContainerRuntime, ContainerStatus, EngineInfo, RuntimeError};
use crate::reading::runtime_failure;
use crate::topology::Node;

/// The clock is read this often; the quickest answer is the most exact.
const CLOCK_READINGS: usize = 3;

/// One look at one node.
pub(super) struct Look<'a> {
    pub(super) node: &'a Node,
    pub(super) found: Result<Found<'a>, Unobserved>,
}

/// What was found on a node whose engine answers.
pub(super) struct Found<'a> {
    pub(super) runtime: &'a dyn ContainerRuntime,
    pub(super) engine: EngineInfo,
    pub(super) clock: Known<ClockReading>,
    pub(super) postgres: Known<Option<Container>>,
    pub(super) keycloak: Known<Option<Container>>,
    pub(super) has_data: Known<bool>,
    pub(super) postgres_image: Known<ImageFact>,
    pub(super) keycloak_image: Known<ImageFact>,
}

pub(super) fn not_known(error: &RuntimeError) -> NotKnown {
    NotKnown(chain(error))
}

/// Whether a container holds its ports.
const fn runs(container: &Container) -> bool {
    match container.status {
        ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting => true,
        ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead => false,
    }
}

impl Found<'_> {
    /// Which of the node's containers run.
    pub(super) fn running(&self) -> Running {
        let runs = |container: &Known<Option<Container>>| matches!(container, Ok(Some(container)) if runs(container));
        Running { postgres: runs(&self.postgres), keycloak: runs(&self.keycloak) }
    }

    /// The port of a component where our own container holds it or nothing is known of it; `None` where publishing it
    /// has to be tried.
    pub(super) fn port(&self, component: Component) -> Option<PortFact> {
        let container = match component {
            Component::Postgres => &self.postgres,
            Component::Keycloak => &self.keycloak,
        };
        match container {
            Err(why) => Some(PortFact::Unknown(why.clone())),
            Ok(Some(container)) if runs(container) => {
                let at = container.ports.iter().map(|port| SocketAddr::new(port.address, port.host_port)).collect();
                Some(PortFact::Ours { at })
            }
            Ok(_) => None,
        }
    }
}

pub(super) async fn look<'a>(
    cluster: &'a Context,
    node: &'a Node,
    options: &DoctorOptions,
    clock: &dyn Clock,
) -> Look<'a> {
    let found = match cluster.ports.runtimes.get(&node.name) {
        Some(Ok(runtime)) => found(cluster, node, runtime.as_ref(), options, clock).await,
        no_way => {
            let message = no_way.and_then(|it| it.as_ref().err()).cloned().unwrap_or_default();
            Err(Unobserved { why: UnobservedWhy::NoWay, message })
        }
    };
    Look { node, found }
}

async fn found<'a>(
    cluster: &'a Context,
    node: &Node,
    runtime: &'a dyn ContainerRuntime,
    options: &DoctorOptions,
    clock: &dyn Clock,
) -> Result<Found<'a>, Unobserved> {
    let topology = &cluster.topology;
    // First alone: when it does not answer, no further limit is waited for, and the clock is read undisturbed.
    let (engine, reading) = read_clock(runtime, options, clock).await.map_err(|error| runtime_failure(&error))?;
    let name = |component| layout::container_name(topology, &node.name, component);
    let (postgres, keycloak) = (name(Component::Postgres), name(Component::Keycloak));
    let data = layout::volume_name(topology, &node.name, "data");
    let containers = join(runtime.find_container(&postgres), runtime.find_container(&keycloak));
    let images = join(image(runtime, &topology.images.postgres), image(runtime, &topology.images.keycloak));
    let ((postgres, keycloak), ((postgres_image, keycloak_image), data)) =
        join(containers, join(images, runtime.find_volume(&data))).await;
    Ok(Found {
        runtime,
        engine,
        clock: reading,
        postgres: postgres.map_err(|error| not_known(&error)),
        keycloak: keycloak.map_err(|error| not_known(&error)),
        has_data: data.map(|volume| volume.is_some()).map_err(|error| not_known(&error)),
        postgres_image,
        keycloak_image,
    })
}

async fn image(runtime: &dyn ContainerRuntime, reference: &str) -> Known<ImageFact> {
    match runtime.find_image(reference).await {
        Ok(Some(image)) => return Ok(ImageFact::Present(image)),
        Ok(None) => {}
        Err(error) => return Err(not_known(&error)),
    }
    match runtime.registry_has(reference).await {
        Ok(()) => Ok(ImageFact::InRegistry),
        Err(RuntimeError::PullFailed { message, .. }) => Ok(ImageFact::Missing { why: message }),
        Err(error) => {
            Err(NotKnown(format!("{reference} is not here, and asking its registry failed: {}", chain(&error))))
        }
    }
}

async fn read_clock(
    runtime: &dyn ContainerRuntime,
    options: &DoctorOptions,
    clock: &dyn Clock,
) -> Result<(EngineInfo, Known<ClockReading>), RuntimeError> {
    let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let start = clock.now();
    let mut best: Option<ClockReading> = None;
    let mut reading = 0;
    loop {
        let before = millis(clock.now().saturating_sub(start));
        let engine = runtime.engine().await?;
        let after = millis(clock.now().saturating_sub(start));
        if let Some(theirs) = engine.clock_unix_ms {
            let seen = ClockReading::between(options.unix_ms + before, theirs, options.unix_ms + after);
            if best.is_none_or(|best| seen.uncertainty_ms < best.uncertainty_ms) {
                best = Some(seen);
            }
        }
        reading += 1;
        if reading == CLOCK_READINGS {
            return Ok((engine, best.ok_or_else(|| NotKnown("the engine does not tell its time".to_owned()))));
        }
    }
}
