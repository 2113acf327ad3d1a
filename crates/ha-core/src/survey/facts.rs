//! What `up` must know of every node.

use futures_util::future::{join, join_all, join3};

use super::observe::observe;
use crate::context::Context;
use crate::layout::{self, Component, IDENTITY_PATH, LABEL_ID, LABEL_NODE, LABEL_SYSTEM, PGDATA, TOPOLOGY_PATH};
use crate::observe::{
    ControlFile, KeycloakMode, KeycloakState, NodeObservation, PostgresRole, Unobserved, UnobservedWhy,
};
use crate::plan::{DataState, Facts, Lacking, NodeFacts};
use crate::ports::{Container, ContainerRuntime, Image, RuntimeError, Volume};
use crate::reading::control_file;
use crate::reading::lacks;
use crate::reading::runtime_failure;
use crate::steps::one_off;
use crate::topology::Node;
use crate::values::SystemIdentifier;

pub(crate) async fn facts_of_all(cluster: &Context) -> Facts {
    let nodes = cluster.topology.nodes();
    let facts = join_all(nodes.iter().map(|node| facts_of(cluster, node))).await;
    nodes.iter().map(|node| node.name.clone()).zip(facts).collect()
}

async fn facts_of(cluster: &Context, node: &Node) -> Result<NodeFacts, Unobserved> {
    let Some(Ok(runtime)) = cluster.ports.runtimes.get(&node.name) else {
        return Err(observe(cluster, node).await.engine.expect_err("without a runtime there is no engine"));
    };
    let runtime = runtime.as_ref();
    let (observation, images_and_volumes, topology_noted) = join3(
        observe(cluster, node),
        images_and_volumes(cluster, node, runtime),
        topology_noted(cluster, node, runtime),
    )
    .await;
    if let Err(unobserved) = &observation.engine {
        return Err(unobserved.clone());
    }
    let proven = is_proven(cluster, &observation);
    let stands = match images_and_volumes {
        Ok(found) => what_stands(cluster, node, runtime, &observation, found).await,
        Err(error) => Err(error),
    };
    // Where they do not fit and the secrets file is the right one, somebody has changed them, and they are put back.
    let right_file = is_made_with(cluster, &observation);
    let passwords_fit = if right_file { Some(true) } else { passwords_fit(cluster, node, &observation).await };
    let keycloak = &observation.keycloak;
    let writes = keycloak.state == KeycloakState::Ready && keycloak.mode == KeycloakMode::ReadWrite;
    let keycloak_set_up = writes.then_some(proven);
    let Stands { postgres_image, keycloak_base, keycloak_image, lacks, prepared, data, unnamed } =
        stands.map_err(|error| runtime_failure(&error))?;
    Ok(NodeFacts {
        observation,
        postgres_image,
        keycloak_base,
        keycloak_image,
        lacks,
        prepared,
        data,
        passwords_fit,
        keycloak_set_up,
        topology_noted,
        unnamed,
    })
}

/// Whether the node keeps what the file says. It changes nothing of the node's, so one that does not tell is left alone. An engine takes
/// some 40 ms to hand out a file, so it is asked for beside all else.
async fn topology_noted(cluster: &Context, node: &Node, runtime: &dyn ContainerRuntime) -> Option<bool> {
    let container = layout::container_name(&cluster.topology, &node.name, Component::Postgres);
    let kept = runtime.read_file(&container, TOPOLOGY_PATH).await.ok()??;
    Some(kept == layout::topology_json(&cluster.topology).as_bytes())
}

struct Stands {
    postgres_image: Option<Image>,
    keycloak_base: Option<Image>,
    keycloak_image: Option<Image>,
    lacks: Lacking,
    prepared: bool,
    data: DataState,
    unnamed: Vec<String>,
}

/// What is found by its name alone.
struct Named {
    postgres_image: Option<Image>,
    keycloak_base: Option<Image>,
    keycloak_image: Option<Image>,
    data_volume: Option<Volume>,
    state_volume: Option<Volume>,
    history_volume: Option<Volume>,
}

async fn images_and_volumes(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
) -> Result<Named, RuntimeError> {
    let topology = &cluster.topology;
    let volume = |kind| layout::volume_name(topology, &node.name, kind);
    let (data_volume, state_volume, history_volume) = (volume("data"), volume("state"), volume("history"));
    let images = join(runtime.find_image(&topology.images.postgres), runtime.find_image(&topology.images.keycloak));
    let volumes = join3(
        runtime.find_volume(&data_volume),
        runtime.find_volume(&state_volume),
        runtime.find_volume(&history_volume),
    );
    let ((postgres_image, keycloak_base), (data_volume, state_volume, history_volume)) = join(images, volumes).await;
    let (postgres_image, keycloak_base) = (postgres_image?, keycloak_base?);
    let keycloak_image = match &keycloak_base {
        Some(base) => runtime.find_image(&layout::keycloak_image_tag(topology, base, cluster.extension)).await?,
        None => None,
    };
    Ok(Named {
        postgres_image,
        keycloak_base,
        keycloak_image,
        data_volume: data_volume?,
        state_volume: state_volume?,
        history_volume: history_volume?,
    })
}

async fn what_stands(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    observation: &NodeObservation,
    named: Named,
) -> Result<Stands, RuntimeError> {
    let Named { postgres_image, keycloak_base, keycloak_image, data_volume, state_volume, history_volume } = named;
    let container = observation.postgres_container.as_ref().ok().and_then(Option::as_ref);
    // One that the server runs, or that was prepared, has proven itself.
    let new = postgres_image.as_ref().filter(|image| container.is_none_or(|it| it.image_id != image.id));
    let new_base = keycloak_base.as_ref().filter(|_| keycloak_image.is_none());
    let lacks = lacking(cluster, node, runtime, new, new_base).await;
    let data = match (container, &data_volume, &postgres_image) {
        (_, None, _) => DataState::NoVolume,
        (Some(container), Some(_), _) => guarded_data(runtime, container, observation).await?,
        (None, Some(_), None) => DataState::Unexamined,
        // An image without what it takes is refused, whatever the data is.
        (None, Some(_), Some(_)) if !lacks.postgres.is_empty() => DataState::Unexamined,
        (None, Some(_), Some(image)) => one_off::examine(cluster, node, runtime, image).await?,
    };
    let prepared = data_volume.is_some() && state_volume.is_some() && history_volume.is_some();
    let unnamed = match data {
        DataState::NoVolume | DataState::Empty => unnamed(cluster, runtime).await?,
        _ => Vec::new(),
    };
    Ok(Stands { postgres_image, keycloak_base, keycloak_image, lacks, prepared, data, unnamed })
}

/// The nodes of this cluster whose data an engine has, and the topology does not name.
async fn unnamed(cluster: &Context, runtime: &dyn ContainerRuntime) -> Result<Vec<String>, RuntimeError> {
    let topology = &cluster.topology;
    let own = topology.cluster.id.as_ref().map(ToString::to_string);
    let found = runtime.list_volumes(&layout::selector(topology, None)).await?;
    let of_it = found.iter().filter(|it| {
        let same = it.labels.get(LABEL_ID).zip(own.as_ref()).is_none_or(|(id, own)| id == own);
        same && it.name.ends_with("-data")
    });
    let nodes = of_it.filter_map(|it| it.labels.get(LABEL_NODE));
    Ok(nodes.filter(|node| !topology.nodes().iter().any(|it| it.name.as_str() == *node)).cloned().collect())
}

/// Looks at the images of which something is to be made.
async fn lacking(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    postgres: Option<&Image>,
    keycloak: Option<&Image>,
) -> Lacking {
    let look = async |component, image: Option<&Image>| match image {
        Some(image) => lacks(cluster, node, runtime, component, image).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let (postgres, keycloak) = join(look(Component::Postgres, postgres), look(Component::Keycloak, keycloak)).await;
    Lacking { postgres, keycloak }
}

/// The data of a node whose container exists: its label says whose data it was made for, and the guard lets it start
/// on no other.
async fn guarded_data(
    runtime: &dyn ContainerRuntime,
    container: &Container,
    observation: &NodeObservation,
) -> Result<DataState, RuntimeError> {
    if let Ok(postgres) = &observation.postgres {
        let standby = postgres.role == PostgresRole::Standby;
        return Ok(DataState::Complete { system: postgres.system_identifier, standby });
    }
    let file = |name: &str| format!("{PGDATA}/{name}");
    let (version, signal) = (file("PG_VERSION"), file("standby.signal"));
    let (version, signal, identity) = join3(
        runtime.read_file(&container.name, &version),
        runtime.read_file(&container.name, &signal),
        runtime.read_file(&container.name, IDENTITY_PATH),
    )
    .await;
    let labelled: Option<SystemIdentifier> = container.labels.get(LABEL_SYSTEM).and_then(|text| text.parse().ok());
    // Another tool may have made the container, and left the labels out; or on a state volume that was removed before.
    let pinned = identity?.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok());
    let standby = signal?.is_some();
    Ok(match (version?, pinned, labelled.or(pinned)) {
        (Some(_), Some(_), Some(system)) => DataState::Complete { system, standby },
        (Some(_), _, _) => match control_file(runtime, &container.name).await {
            Ok(ControlFile { system, .. }) => {
                DataState::Unpinned { system, standby, set_up: Vec::new(), vouched: labelled == Some(system) }
            }
            Err(unobserved) => DataState::Foreign { found: unobserved.message },
        },
        (None, _, Some(system)) => DataState::Lost { system },
        (None, _, None) => DataState::Empty,
    })
}

/// Compares the roles' passwords on a primary, or on a server that did not let the probe in: whether it is a primary
/// is not known then, but its roles are the primary's.
async fn passwords_fit(cluster: &Context, node: &Node, observation: &NodeObservation) -> Option<bool> {
    match &observation.postgres {
        Ok(postgres) if postgres.role == PostgresRole::Primary => {}
        Err(Unobserved { why: UnobservedWhy::Denied, .. }) => {}
        Ok(_) | Err(_) => return None,
    }
    let control = &cluster.ports.control;
    let secrets = &cluster.secrets;
    let (keycloak, replication, probe) = join3(
        control.password_fits(&node.name, &cluster.topology.postgres.user, &secrets.keycloak_db_password),
        control.password_fits(&node.name, layout::REPLICATION_ROLE, &secrets.replication_password),
        control.password_fits(&node.name, layout::PROBE_ROLE, &secrets.probe_password),
    )
    .await;
    let known = [keycloak, replication, probe].map(|fits| fits.ok().flatten());
    if known.contains(&Some(false)) {
        return Some(false);
    }
    known.iter().all(|fits| *fits == Some(true)).then_some(true)
}

/// Whether the set-up of the roles and of Keycloak came to its end with these very secrets, by this version. The data says so itself:
/// asking for the roles' passwords through the engine takes a tenth of a second.
fn is_proven(cluster: &Context, observation: &NodeObservation) -> bool {
    observation.postgres.as_ref().is_ok_and(|postgres| {
        let wanted = layout::secrets_fingerprint(&cluster.secrets, postgres.system_identifier);
        postgres.set_up.as_ref() == Some(&wanted)
    })
}

/// Whether the roles got these secrets, by whatever version, and whatever has become of the rest of the set-up.
fn is_made_with(cluster: &Context, observation: &NodeObservation) -> bool {
    observation.postgres.as_ref().is_ok_and(|postgres| {
        let noted = [&postgres.set_up, &postgres.made_with].into_iter().flatten();
        noted.into_iter().any(|text| layout::is_fingerprint_of(text, &cluster.secrets, postgres.system_identifier))
    })
}
