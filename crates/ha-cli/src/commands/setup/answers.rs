//! What the options answer, and what they leave open.

use ha_core::topology::{NodeSpec, Problem, Segment, Topology, TopologySpec};

use crate::cli::{Pair, SetupArgs};
use crate::error::{Error, Failure};

/// A description in the making: which of its parts were given, so that the others can be asked for.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) spec: TopologySpec,
    pub(super) given: Fields,
    args: Options,
}

/// What was given.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Fields {
    pub(super) name: bool,
    pub(super) public_url: bool,
    pub(super) primary: bool,
    pub(super) standby: bool,
    pub(super) user: bool,
    pub(super) admin: bool,
    pub(super) proxy_headers: bool,
    pub(super) durability: bool,
}

/// The options about nodes; they can be applied once the nodes are known.
#[derive(Debug)]
struct Options {
    docker: Vec<Pair>,
    certificates: Vec<Pair>,
    postgres_port: Vec<Pair>,
    keycloak_port: Vec<Pair>,
    admit: Vec<Pair>,
}

/// Takes what the options give; all else stays as it was `before`, where there was something.
pub(super) fn from_options(args: &SetupArgs, before: Option<&TopologySpec>) -> Answers {
    let name = if args.demo { "demo" } else { "sso" };
    let mut spec = before.cloned().unwrap_or_else(|| TopologySpec::new(name, ""));
    let set = |into: &mut String, from: Option<&str>| {
        if let Some(text) = from {
            text.clone_into(into);
        }
    };
    set(&mut spec.cluster.name, args.cluster_name.as_deref());
    set(&mut spec.cluster.public_url, args.public_url.as_deref());
    set(&mut spec.images.postgres, args.postgres_image.as_deref());
    set(&mut spec.images.keycloak, args.keycloak_image.as_deref());
    set(&mut spec.postgres.database, args.database.as_deref());
    set(&mut spec.postgres.user, args.database_user.as_deref());
    set(&mut spec.keycloak.admin, args.admin.as_deref());
    set(&mut spec.keycloak.proxy_headers, args.proxy_headers.map(crate::cli::ProxyHeadersArg::as_str));
    set(&mut spec.replication.durability, args.durability.map(crate::cli::DurabilityArg::as_str));
    // A trial that there is keeps its nodes, whatever they are called.
    let is_demo = before.is_some_and(|before| before.cluster.demo && !before.nodes.is_empty());
    if (args.demo && !is_demo) || args.primary.is_some() || !args.standby.is_empty() {
        spec.cluster.demo = args.demo;
        spec.nodes = nodes(args, &spec.nodes);
    }
    let has = |role: &str| spec.nodes.iter().any(|node| node.role == role);
    let given = Fields {
        name: args.cluster_name.is_some(),
        public_url: args.public_url.is_some(),
        primary: has("primary"),
        standby: has("standby") || has("replica"),
        user: args.database_user.is_some(),
        admin: args.admin.is_some(),
        proxy_headers: args.proxy_headers.is_some(),
        durability: args.durability.is_some(),
    };
    let args = Options {
        docker: args.docker.clone(),
        certificates: args.docker_certificates.clone(),
        postgres_port: args.postgres_port.clone(),
        keycloak_port: args.keycloak_port.clone(),
        admit: args.admit.clone(),
    };
    Answers { spec, given, args }
}

/// The nodes that the options name, in a trial those that it needs. What a node of that name had `before` and no option
/// gives, it keeps.
fn nodes(args: &SetupArgs, before: &[NodeSpec]) -> Vec<NodeSpec> {
    const HERE: &str = "127.0.0.1";
    let named = |pair: &Pair, new: fn(&str, &str) -> NodeSpec| {
        let mut node = new(&pair.node, &pair.value);
        if let Some(known) = before.iter().find(|known| known.name == node.name) {
            node = NodeSpec { address: node.address, role: node.role, ..known.clone() };
        }
        node
    };
    let primary = |name: &str, address: &str| NodeSpec::primary(name, address);
    let standby = |name: &str, address: &str| NodeSpec::standby(name, address);
    let mut nodes: Vec<_> = args.primary.iter().map(|pair| named(pair, primary)).collect();
    if args.demo && nodes.is_empty() {
        let taken = args.standby.iter().any(|pair| pair.node == "vm1");
        nodes.push(NodeSpec::primary(if taken { "vm0" } else { "vm1" }, HERE));
    }
    nodes.extend(args.standby.iter().map(|pair| named(pair, standby)));
    if args.demo && args.standby.is_empty() {
        let taken = nodes.iter().any(|node| node.name == "vm2");
        nodes.push(NodeSpec::standby(if taken { "vm3" } else { "vm2" }, HERE));
    }
    if args.demo {
        // All on one machine: each standby beyond the first needs ports of its own.
        for (further, node) in (0..).zip(nodes.iter_mut().skip(2)) {
            if !before.iter().any(|known| known.name == node.name) {
                node.postgres_port += 1 + further;
                node.keycloak_port += 1 + further;
            }
        }
    }
    nodes
}

/// Nodes that have one address, which makes them one host: nothing is highly available then.
pub(super) fn on_one_host(spec: &TopologySpec) -> Option<(&NodeSpec, &NodeSpec)> {
    let mut pairs =
        spec.nodes.iter().enumerate().flat_map(|(at, one)| spec.nodes[at + 1..].iter().map(move |it| (one, it)));
    pairs.find(|(one, other)| !spec.cluster.demo && one.address == other.address)
}

impl Answers {
    /// The description, where nobody can be asked.
    pub(super) fn complete(mut self) -> Result<TopologySpec, Error> {
        let required = [
            (!self.spec.cluster.public_url.is_empty() || self.spec.cluster.demo, "--public-url URL"),
            (self.given.primary, "--primary NAME=ADDRESS"),
            (self.given.standby, "--standby NAME=ADDRESS"),
        ];
        let missing: Vec<&str> = required.iter().filter(|(given, _)| !given).map(|(_, option)| *option).collect();
        if !missing.is_empty() {
            let message = format!("answers are missing, and there is nobody to ask: {}", missing.join(", "));
            let help = "give these options, or run `ha-cli setup` in a terminal, or `ha-cli setup --demo` for a trial";
            return Err(Failure::usage("answers-missing", message).help(help).into());
        }
        self.apply_node_options()?;
        if self.spec.cluster.demo && self.spec.cluster.public_url.is_empty() {
            // After the ports: the demo's URL is its primary's own.
            self.spec.cluster.public_url = format!("http://localhost:{}", self.spec.nodes[0].keycloak_port);
        }
        Ok(self.spec)
    }

    /// Whether an option says how this node's engine is reached.
    pub(super) fn names_docker(&self, index: usize) -> bool {
        self.args.docker.iter().any(|pair| find(&self.spec, &pair.node) == Ok(index))
    }

    /// Whether an option gives a port of this node.
    pub(super) fn names_port(&self, index: usize) -> bool {
        let mut ports = self.args.postgres_port.iter().chain(&self.args.keycloak_port);
        ports.any(|pair| find(&self.spec, &pair.node) == Ok(index))
    }

    /// Puts what the options say of nodes into the nodes.
    pub(super) fn apply_node_options(&mut self) -> Result<(), Error> {
        let mut wrong = Vec::new();
        let mut each = |option: &str, pairs: &[Pair], set: &dyn Fn(&mut NodeSpec, &str) -> Result<(), String>| {
            for Pair { node, value } in pairs {
                let done = find(&self.spec, node).and_then(|index| set(&mut self.spec.nodes[index], value));
                wrong.extend(done.err().map(|what| format!("{option} {node}={value}: {what}")));
            }
        };
        let port = |text: &str| text.parse::<u16>().map_err(|_| "a port is a number from 1 to 65535".to_owned());
        each("--docker", &self.args.docker, &|node, value| {
            value.clone_into(&mut node.docker);
            Ok(())
        });
        each("--docker-certificates", &self.args.certificates, &|node, value| {
            node.docker_certificates = Some(value.into());
            Ok(())
        });
        each("--postgres-port", &self.args.postgres_port, &|node, value| {
            node.postgres_port = port(value)?;
            Ok(())
        });
        each("--keycloak-port", &self.args.keycloak_port, &|node, value| {
            node.keycloak_port = port(value)?;
            Ok(())
        });
        each("--admit", &self.args.admit, &|node, value| {
            node.admit.push(value.to_owned());
            Ok(())
        });
        if wrong.is_empty() { Ok(()) } else { Err(refused(&wrong)) }
    }
}

/// The node that an option means: by name, or by role where that is one node's only.
fn find(spec: &TopologySpec, word: &str) -> Result<usize, String> {
    let role = if word == "replica" { "standby" } else { word };
    let by = |test: &dyn Fn(&NodeSpec) -> bool| -> Vec<usize> {
        (0..spec.nodes.len()).filter(|index| test(&spec.nodes[*index])).collect()
    };
    let mut found = by(&|node| node.name == word);
    if found.is_empty() {
        found = by(&|node| node.role == role);
    }
    match found[..] {
        [one] => Ok(one),
        [] => {
            let names: Vec<&str> = spec.nodes.iter().map(|node| node.name.as_str()).collect();
            Err(format!("there is no such node; the nodes are {}", names.join(", ")))
        }
        _ => Err("more than one node is meant; name it".to_owned()),
    }
}

/// Checks a finished description; what is wrong is said in terms of the options.
pub(super) fn validate(spec: &TopologySpec) -> Result<Topology, Error> {
    spec.validate().map_err(|problems| refused(&problems.iter().map(in_terms_of_options).collect::<Vec<_>>()))
}

fn refused(wrong: &[String]) -> Error {
    let message = match wrong {
        [one] => format!("an answer is wrong: {one}"),
        many => format!("{} answers are wrong:\n  {}", many.len(), many.join("\n  ")),
    };
    Failure::usage("answers-wrong", message).help("nothing was written; see `ha-cli setup --help`").into()
}

fn in_terms_of_options(problem: &Problem) -> String {
    let option = match &problem.path.0[..] {
        [Segment::Key(table), Segment::Key(key)] => match (table.as_str(), key.as_str()) {
            ("cluster", "name") => "--cluster-name",
            ("cluster", "public_url") => "--public-url",
            ("images", "postgres") => "--postgres-image",
            ("images", "keycloak") => "--keycloak-image",
            ("postgres", "database") => "--database",
            ("postgres", "user") => "--database-user",
            ("keycloak", "admin") => "--admin",
            _ => "",
        },
        [Segment::Key(_), Segment::Index(index), Segment::Key(key)] => match key.as_str() {
            "name" | "address" if *index == 0 => "--primary",
            "name" | "address" => "--standby",
            "docker" => "--docker",
            "postgres_port" => "--postgres-port",
            "keycloak_port" => "--keycloak-port",
            "admit" => "--admit",
            _ => "",
        },
        _ => "",
    };
    let place = if option.is_empty() { problem.path.to_string() } else { format!("{option} ({})", problem.path) };
    format!("{place} {}: {}", problem.message, problem.help)
}
