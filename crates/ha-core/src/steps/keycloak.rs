//! Making Keycloak run, and what must be in its master realm.

use std::time::Duration;

use super::at::At;
use super::put_back::Former;
use super::ready::wait_ready;
use super::server::share;
use super::{StepError, container};
use crate::layout::{self, BOOTSTRAP_CLIENT, Component, LABEL_BASE, SERVICE_CLIENT};
use crate::observe::{KeycloakState, PostgresRole};
use crate::plan::Change;
use crate::ports::{ContainerSpec, ExecSpec, Image, KeycloakError, RuntimeError, TokenGrant, UserSpec};
use crate::values::Secret;

/// Requests that may meet a connection of before, and the time between them.
const TOKEN_TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(250);

pub(super) async fn start(at: &At<'_>, change: &Change) -> Result<(), StepError> {
    let cluster = at.cluster;
    let topology = cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Keycloak);
    // Keycloak makes the bootstrap client together with the master realm, and never afterwards: once it is ready, or has been
    // at any time, it is in the database until the set-up removes it there, and has no business in a file.
    let first = makes_the_realm(at).await?;
    let (mut former, mut made) = (None, None);
    if let Change::Replace { .. } = change {
        former = former_of(at, &name).await?;
        at.runtime.stop_container(&name, cluster.limits.stop).await?;
        at.runtime.remove_container(&name).await?;
    }
    if !container::is_there(at, &name).await? {
        made = Some(create(at).await?);
    }
    let files = layout::keycloak_files(topology, at.node, cluster.secrets(), first);
    if !container::start(at, &name, &files).await? {
        made = Some(create(at).await?);
        at.runtime.put_files(&name, &files).await?;
        at.runtime.start_container(&name).await?;
    }
    if let Err(why) = wait_ready(at, &name).await {
        return Err(match (former, made) {
            (Some(former), Some(spec)) => former.put_back(at, spec, None, why).await,
            _ => why,
        });
    }
    if first {
        at.runtime.put_files(&name, &layout::keycloak_files(topology, at.node, cluster.secrets(), false)).await?;
    }
    Ok(())
}

/// What a Keycloak that serves runs with; none where it does not, or where the new one may be of another release: that may change
/// the database, and the old one would not know it then.
async fn former_of(at: &At<'_>, name: &str) -> Result<Option<Former>, StepError> {
    let (cluster, topology) = (at.cluster, at.cluster.topology());
    let seen = cluster.ports.keycloak.observe(&at.node.name, cluster.limits.observe).await;
    let Some(container) = at.runtime.find_container(name).await?.filter(|_| seen.state == KeycloakState::Ready) else {
        return Ok(None);
    };
    let (base, new) = images(at).await?;
    let old = at.runtime.find_image(&container.image_id).await?;
    let same_base = old.is_some_and(|old| old.labels.get(LABEL_BASE) == Some(&base.id));
    if new.id != container.image_id && !same_base {
        return Ok(None);
    }
    let files = layout::keycloak_files(topology, at.node, cluster.secrets(), false);
    Former::of(at, Component::Keycloak, name, &files).await
}

/// The topology's image, and the one that is prepared from it.
async fn images(at: &At<'_>) -> Result<(Image, Image), StepError> {
    let topology = at.cluster.topology();
    let gone = |name: &str| StepError::Changed(format!("the image {name} is gone"));
    let reference = &topology.images.keycloak;
    let base = at.runtime.find_image(reference).await?.ok_or_else(|| gone(reference))?;
    let tag = layout::keycloak_image_tag(topology, &base, at.cluster.extension);
    let prepared = at.runtime.find_image(&tag).await?.ok_or_else(|| gone(&tag))?;
    Ok((base, prepared))
}

async fn create(at: &At<'_>) -> Result<ContainerSpec, StepError> {
    let (_, image) = images(at).await?;
    let spec = layout::keycloak_container(at.cluster.topology(), at.node, &image, share(at).await?);
    container::create(at, &spec).await?;
    Ok(spec)
}

/// Whether this Keycloak may be the one that makes the master realm: its server takes writes, and its data does not say that a
/// set-up of Keycloak came to its end, with whatever secrets. On a standby it never does, and a secret that is put there would stay
/// if the run were cut off.
async fn makes_the_realm(at: &At<'_>) -> Result<bool, StepError> {
    let (probe, limit) = (&at.cluster.ports.probe, at.cluster.limits.observe);
    let seen = match probe.observe(&at.node.name, limit).await {
        Ok(seen) => seen,
        // Not known is neither: without the client nobody could set it up, and with it a secret might be left.
        Err(_) => probe.observe(&at.node.name, limit * 5).await?,
    };
    Ok(seen.role == PostgresRole::Primary && seen.set_up.is_none())
}

/// Takes the bootstrap client's secret out of every Keycloak's configuration: also of one whose start was interrupted before it
/// was ready.
async fn forget_bootstrap(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    for node in topology.nodes() {
        let Some(Ok(runtime)) = at.cluster.ports.runtimes.get(&node.name) else { continue };
        let name = layout::container_name(topology, &node.name, Component::Keycloak);
        let forgotten = async {
            if runtime.find_container(&name).await?.is_some() {
                runtime.put_files(&name, &layout::keycloak_files(topology, node, at.cluster.secrets(), false)).await?;
            }
            Ok::<_, RuntimeError>(())
        };
        // Of another node that cannot be reached now: its own next start does it.
        if let (Err(error), true) = (forgotten.await, node.name == at.node.name) {
            return Err(error.into());
        }
    }
    Ok(())
}

const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// One that becomes ready and does not become warm is no reason not to go on: its first requests are slower.
pub(super) async fn await_warm(at: &At<'_>) -> Result<(), StepError> {
    let (clock, node) = (&at.cluster.ports.clock, &at.node.name);
    let (begun, limit) = (clock.now(), at.cluster.limits.keycloak_warm);
    loop {
        let seen = at.cluster.ports.keycloak.observe(node, at.cluster.limits.observe).await;
        let ready = seen.state == KeycloakState::Ready;
        let waited = clock.now().saturating_sub(begun);
        if ready && (seen.warm != Some(false) || waited >= limit) {
            return Ok(());
        }
        if waited >= limit {
            return Err(StepError::Changed(format!(
                "Keycloak of {node} is not ready after {} s: {}; it would be the one that takes writes. `ha-cli logs {node} \
                 --component keycloak` shows why; to go on without it, stop its container first",
                limit.as_secs(),
                seen.detail.unwrap_or_else(|| "it does not say why".to_owned())
            )));
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

/// Makes the administrator and the service client, then removes the client that did it.
pub(super) async fn provision(at: &At<'_>) -> Result<(), StepError> {
    let keycloak = &at.cluster.ports.keycloak;
    let node = &at.node.name;
    let secrets = at.cluster.secrets();
    let grant = |client_id: &str, client_secret: &Secret| TokenGrant::ClientCredentials {
        client_id: client_id.to_owned(),
        client_secret: client_secret.clone(),
    };
    let service = grant(SERVICE_CLIENT, &secrets.keycloak_client_secret);
    let token = match first_token(at, &grant(BOOTSTRAP_CLIENT, &secrets.keycloak_bootstrap_secret)).await {
        Ok(token) => token,
        // Removed by an earlier run that came to its end: then the service client is there, or somebody has changed it since. That
        // the secrets file is the cluster's own, the passwords in the database have shown.
        Err(KeycloakError::Denied { .. }) => {
            match keycloak.token(node, MASTER, &service).await {
                Ok(_) => {}
                Err(KeycloakError::Denied { .. }) => mend_service_client(at).await?,
                Err(error) => return Err(error.into()),
            }
            forget_bootstrap(at).await?;
            return confirm(at).await;
        }
        Err(error) => return Err(error.into()),
    };
    let admin = UserSpec {
        username: at.cluster.topology().keycloak.admin.clone(),
        password: secrets.keycloak_admin_password.clone(),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
    };
    let id = keycloak.ensure_user(node, &token, MASTER, &admin).await?;
    keycloak.grant_realm_roles(node, &token, MASTER, &id, &["admin".to_owned()]).await?;
    let roles = ["create-realm".to_owned()];
    keycloak
        .ensure_service_client(node, &token, MASTER, SERVICE_CLIENT, &secrets.keycloak_client_secret, &roles)
        .await?;
    keycloak.delete_client(node, &token, MASTER, BOOTSTRAP_CLIENT).await?;
    forget_bootstrap(at).await?;
    confirm(at).await
}

/// Where the standby extension looks for the engine's word, and how that is put there: drawn by the kernel, for one request.
const PERMIT: &str = "umask 077 && read -r permit </proc/sys/kernel/random/uuid && printf %s \"$permit\" >/tmp/ha-service-client && printf %s \"$permit\"";

/// Makes the service client whole: no login is needed for it, and so it works whatever became of the client, or of the realm's
/// demands on a login.
pub(super) async fn mend_service_client(at: &At<'_>) -> Result<(), StepError> {
    let name = layout::container_name(at.cluster.topology(), &at.node.name, Component::Keycloak);
    let exec = ExecSpec { argv: ["/bin/sh", "-c", PERMIT].map(str::to_owned).to_vec(), ..ExecSpec::default() };
    let output = at.runtime.exec(&name, &exec, at.cluster.limits.observe * 5).await?;
    if output.exit_code != 0 {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(StepError::Job { code: output.exit_code, message });
    }
    let permit = Secret::new(String::from_utf8_lossy(&output.stdout).trim());
    let secret = &at.cluster.secrets().keycloak_client_secret;
    let keycloak = &at.cluster.ports.keycloak;
    Ok(keycloak.mend_service_client(&at.node.name, &permit, SERVICE_CLIENT, secret).await?)
}

/// A token, also right after the database was away: connections that Keycloak kept then end with the request that meets them.
async fn first_token(at: &At<'_>, grant: &TokenGrant) -> Result<Secret, KeycloakError> {
    for _ in 1..TOKEN_TRIES {
        match at.cluster.ports.keycloak.token(&at.node.name, MASTER, grant).await {
            Err(KeycloakError::Unexpected { status: 500.., .. }) => at.cluster.ports.clock.sleep(TRY_AGAIN).await,
            other => return other,
        }
    }
    at.cluster.ports.keycloak.token(&at.node.name, MASTER, grant).await
}

/// Writes down that the set-up came to its end, and with which secrets.
async fn confirm(at: &At<'_>) -> Result<(), StepError> {
    let seen = at.cluster.ports.probe.observe(&at.node.name, at.cluster.limits.observe).await?;
    let fingerprint = layout::secrets_fingerprint(at.cluster.secrets(), seen.system_identifier);
    Ok(at.cluster.ports.control.note_set_up(&at.node.name, &fingerprint).await?)
}

const MASTER: &str = "master";
