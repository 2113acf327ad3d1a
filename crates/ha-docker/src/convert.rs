//! Between the port's words and the API's.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, EndpointSettings, HostConfig,
    HostConfigLogConfig, ImageInspect, Mount as ApiMount, MountType, NetworkingConfig, PortBinding as ApiPort, PortMap,
    RestartPolicy as ApiRestart, RestartPolicyNameEnum, Volume as ApiVolume,
};
use ha_core::ports::{Container, ContainerSpec, ContainerStatus, Image, Mount, PortBinding, RestartPolicy, Volume};

/// Docker keeps a container's output for ever unless told otherwise.
const LOG_LIMITS: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "3")];
/// The only driver that those limits are meant for here; `local`, `journald` and others bound themselves.
const LIMITED_LOG_DRIVER: &str = "json-file";

/// The request that makes a container.
pub(crate) fn create_body(spec: &ContainerSpec, default_log_driver: Option<&str>) -> ContainerCreateBody {
    ContainerCreateBody {
        hostname: spec.hostname.clone(),
        user: spec.user.clone(),
        exposed_ports: some(spec.ports.iter().map(|port| tcp(port.container_port)).collect()),
        env: some(pairs(&spec.environment)),
        cmd: some(spec.command.clone()),
        image: Some(spec.image.clone()),
        entrypoint: spec.entrypoint.clone(),
        labels: Some(hash(&spec.labels)),
        stop_timeout: spec.stop_timeout_secs.map(i64::from),
        stop_signal: spec.stop_signal.clone(),
        host_config: Some(host_config(spec, default_log_driver)),
        networking_config: spec.network.as_ref().map(|network| networking(network, &spec.aliases)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec, default_log_driver: Option<&str>) -> HostConfig {
    let memory = spec.memory_bytes.map(signed);
    HostConfig {
        cap_drop: spec.capabilities.as_ref().map(|_| vec!["ALL".to_owned()]),
        cap_add: spec.capabilities.clone(),
        security_opt: spec.no_new_privileges.then(|| vec!["no-new-privileges:true".to_owned()]),
        pids_limit: spec.pids.map(i64::from),
        memory,
        // Otherwise Docker lets it swap as much again, and a limit that swaps is none.
        memory_swap: memory,
        init: Some(spec.init),
        log_config: (default_log_driver == Some(LIMITED_LOG_DRIVER)).then(bounded_log),
        mounts: some(spec.mounts.iter().map(mount).collect()),
        network_mode: Some(spec.network.clone().unwrap_or_else(|| "none".to_owned())),
        port_bindings: Some(port_map(&spec.ports)),
        restart_policy: Some(restart_policy(spec.restart)),
        shm_size: spec.shm_bytes.map(signed),
        sysctls: (!spec.sysctls.is_empty()).then(|| hash(&spec.sysctls)),
        ..HostConfig::default()
    }
}

fn bounded_log() -> HostConfigLogConfig {
    let config = LOG_LIMITS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    HostConfigLogConfig { typ: Some(LIMITED_LOG_DRIVER.to_owned()), config: Some(config) }
}

fn networking(network: &str, aliases: &[String]) -> NetworkingConfig {
    let endpoint = EndpointSettings { aliases: some(aliases.to_vec()), ..EndpointSettings::default() };
    NetworkingConfig { endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])) }
}

fn mount(mount: &Mount) -> ApiMount {
    ApiMount {
        typ: Some(MountType::VOLUME),
        source: Some(mount.volume.clone()),
        target: Some(mount.path.clone()),
        read_only: Some(mount.read_only),
        ..ApiMount::default()
    }
}

/// The same as the API says it.
pub(crate) const fn restart_policy(policy: RestartPolicy) -> ApiRestart {
    ApiRestart { name: Some(restart(policy)), maximum_retry_count: None }
}

const fn restart(policy: RestartPolicy) -> RestartPolicyNameEnum {
    match policy {
        RestartPolicy::No => RestartPolicyNameEnum::NO,
        RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
        RestartPolicy::Always => RestartPolicyNameEnum::ALWAYS,
        RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
    }
}

fn restarts_by(policy: Option<&ApiRestart>) -> RestartPolicy {
    match policy.and_then(|policy| policy.name) {
        Some(RestartPolicyNameEnum::UNLESS_STOPPED) => RestartPolicy::UnlessStopped,
        Some(RestartPolicyNameEnum::ALWAYS) => RestartPolicy::Always,
        Some(RestartPolicyNameEnum::ON_FAILURE) => RestartPolicy::OnFailure,
        Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None => RestartPolicy::No,
    }
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

/// One port of a container may be published at several addresses.
fn port_map(ports: &[PortBinding]) -> PortMap {
    let mut map = PortMap::new();
    for port in ports {
        let binding = ApiPort { host_ip: Some(port.address.to_string()), host_port: Some(port.host_port.to_string()) };
        map.entry(tcp(port.container_port)).or_default().get_or_insert_default().push(binding);
    }
    map
}

/// What an engine tells of a container.
pub(crate) fn container(said: ContainerInspectResponse) -> Container {
    let off_network = is_off_network(&said);
    let state = said.state.unwrap_or_default();
    let restart = restarts_by(said.host_config.as_ref().and_then(|host| host.restart_policy.as_ref()));
    let config = said.config.unwrap_or_default();
    let live = said.network_settings.and_then(|network| network.ports).map(ports).unwrap_or_default();
    let wanted = said.host_config.and_then(|host| host.port_bindings).map(ports).unwrap_or_default();
    Container {
        id: said.id.unwrap_or_default(),
        name: said.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: said.image.unwrap_or_default(),
        status: status(state.status, state.exit_code.unwrap_or_default()),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        restart,
        restarts: said.restart_count.and_then(|count| count.try_into().ok()).unwrap_or_default(),
        // The year 1 is how Go says "never".
        started_at: state.started_at.filter(|at| !at.is_empty() && !at.starts_with("0001-")),
        oom_killed: state.oom_killed.unwrap_or_default(),
        // Only a running container has ports; of another, what it would publish.
        ports: if live.is_empty() { wanted } else { live },
        start_error: state.error.filter(|error| !error.is_empty()),
        off_network,
    }
}

/// Whether it lacks the network of its own that it was made for. The engine's own networks are never taken away.
fn is_off_network(said: &ContainerInspectResponse) -> bool {
    let Some(made_for) = said.host_config.as_ref().and_then(|host| host.network_mode.as_deref()) else { return false };
    let of_the_engine =
        ["", "default", "bridge", "host", "none"].contains(&made_for) || made_for.starts_with("container:");
    let has = said.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    !of_the_engine && has.is_some_and(|networks| !networks.contains_key(made_for))
}

fn status(said: Option<ContainerStateStatusEnum>, code: i64) -> ContainerStatus {
    use ContainerStateStatusEnum as Said;
    match said {
        Some(Said::CREATED) => ContainerStatus::Created,
        Some(Said::RUNNING) => ContainerStatus::Running,
        Some(Said::PAUSED) => ContainerStatus::Paused,
        Some(Said::RESTARTING) => ContainerStatus::Restarting,
        Some(Said::EXITED) => ContainerStatus::Exited { code },
        Some(Said::REMOVING | Said::DEAD | Said::EMPTY | Said::STOPPING) | None => ContainerStatus::Dead,
    }
}

fn ports(map: PortMap) -> Vec<PortBinding> {
    let mut found: Vec<_> = map
        .into_iter()
        .filter_map(|(inner, bindings)| Some((inner.strip_suffix("/tcp")?.parse().ok()?, bindings?)))
        .flat_map(|(container_port, bindings)| bindings.into_iter().filter_map(move |one| port(container_port, &one)))
        .collect();
    found.sort_by_key(|port| (port.address, port.host_port));
    found
}

fn port(container_port: u16, said: &ApiPort) -> Option<PortBinding> {
    let host_port = said.host_port.as_deref()?.parse().ok()?;
    let address = match said.host_ip.as_deref() {
        None | Some("") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(address) => address.parse().ok()?,
    };
    Some(PortBinding { address, host_port, container_port })
}

/// What an engine tells of an image.
pub(crate) fn image(said: ImageInspect) -> Image {
    let config = said.config.unwrap_or_default();
    Image {
        id: said.id.unwrap_or_default(),
        digests: said.repo_digests.unwrap_or_default(),
        environment: config.env.unwrap_or_default(),
        volumes: config.volumes.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        size_bytes: said.size.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
    }
}

/// What an engine tells of a volume.
pub(crate) fn volume(said: ApiVolume) -> Volume {
    Volume { name: said.name, labels: said.labels.into_iter().collect(), mountpoint: said.mountpoint }
}

pub(crate) fn hash(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

pub(crate) fn pairs(map: &BTreeMap<String, String>) -> Vec<String> {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

/// Empty lists stay out of a request: an empty command, for one, would replace the image's.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(address: &str, host_port: u16) -> PortBinding {
        PortBinding { address: address.parse().unwrap(), host_port, container_port: 5432 }
    }

    #[test]
    fn a_port_at_two_addresses_is_one_entry_and_reads_back() {
        let wanted = vec![published("127.0.0.1", 5432), published("fd00::5", 5433)];
        let map = port_map(&wanted);
        assert_eq!(map.len(), 1);
        assert_eq!(ports(map), wanted);
    }

    #[test]
    fn a_restart_policy_reads_back() {
        use RestartPolicy::{Always, No, OnFailure, UnlessStopped};
        for policy in [No, UnlessStopped, Always, OnFailure] {
            assert_eq!(restarts_by(Some(&restart_policy(policy))), policy);
        }
        assert_eq!(restarts_by(None), No);
    }

    #[test]
    fn logs_are_bounded_only_where_the_default_driver_takes_the_limits() {
        let spec = ContainerSpec::default();
        let bounded = create_body(&spec, Some("json-file")).host_config.unwrap().log_config.unwrap();
        assert_eq!(bounded.config.unwrap()["max-size"], "10m");
        for other in [Some("journald"), Some("local"), None] {
            assert!(create_body(&spec, other).host_config.unwrap().log_config.is_none(), "{other:?}");
        }
    }

    #[test]
    fn no_network_means_none_rather_than_the_default_bridge() {
        let spec = ContainerSpec::default();
        assert_eq!(create_body(&spec, None).host_config.unwrap().network_mode.as_deref(), Some("none"));
    }

    #[test]
    fn capabilities_are_those_that_are_named_and_no_others() {
        let host = |spec: &ContainerSpec| create_body(spec, None).host_config.unwrap();
        let spec =
            ContainerSpec { capabilities: Some(Vec::new()), no_new_privileges: true, ..ContainerSpec::default() };
        assert_eq!(host(&spec).cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(host(&spec).security_opt, Some(vec!["no-new-privileges:true".to_owned()]));
        let spec = ContainerSpec { capabilities: Some(vec!["CHOWN".to_owned()]), ..ContainerSpec::default() };
        assert_eq!(host(&spec).cap_add, Some(vec!["CHOWN".to_owned()]));
        let own = host(&ContainerSpec::default());
        assert!(
            own.cap_drop.is_none() && own.cap_add.is_none() && own.security_opt.is_none() && own.pids_limit.is_none()
        );
    }

    #[test]
    fn what_is_not_set_leaves_the_images_own() {
        let body = create_body(&ContainerSpec::default(), None);
        assert!(body.cmd.is_none() && body.entrypoint.is_none() && body.env.is_none() && body.user.is_none());
    }
}
