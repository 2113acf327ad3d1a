//! What to do next: words for a person, and the commands among them as data, so that each face makes its own sentence of them, and a
//! test can follow them.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

use crate::values::NodeName;

/// Whether a name that somebody hostile may have chosen can stand in a statement that a person pastes, into `psql` or a shell.
pub(crate) fn is_harmless(name: &str) -> bool {
    name.chars().all(|char| char.is_alphanumeric() || " _-.:'\"".contains(char))
}

/// Names as they can be shown in a line.
pub(crate) fn shown(names: &[String]) -> String {
    let shown = |name: &String| if is_harmless(name) { name.clone() } else { name.escape_debug().to_string() };
    names.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// One command that changes something, or looks closer before anything is changed. As text it is the command, in backquotes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Remedy {
    /// `doctor`: changes nothing, and looks closer at the node where a look from here was not enough.
    Doctor {
        /// Which.
        node: NodeName,
    },
    /// `up`: of one node, or of all.
    Up {
        /// Which.
        node: Option<NodeName>,
    },
    /// `down`: the node's servers stop, and its data stays.
    Down {
        /// Which.
        node: NodeName,
    },
    /// `switchover`: a change that loses nothing, or what an interrupted one has left to do.
    Switchover {
        /// The node that is to be the primary; `None` where the command chooses.
        to: Option<NodeName>,
    },
    /// `failover`: a standby takes the place of a primary that is gone.
    Failover {
        /// The node that is to be the primary; `None` where the command chooses.
        to: Option<NodeName>,
        /// It goes on without a standby's confirmation.
        run_alone: bool,
        /// Whose data a person gives up.
        give_up: Option<NodeName>,
    },
    /// `rejoin`: a node comes back as a standby, and shows first what only it holds.
    Rejoin {
        /// Which.
        node: NodeName,
    },
    /// `rebuild`: a standby gets a new copy of the primary's data.
    Rebuild {
        /// Which.
        node: NodeName,
    },
}

impl Remedy {
    /// `doctor` of one node.
    #[must_use]
    pub fn doctor(node: &NodeName) -> Self {
        Self::Doctor { node: node.clone() }
    }

    /// `up` of one node.
    #[must_use]
    pub fn up(node: &NodeName) -> Self {
        Self::Up { node: Some(node.clone()) }
    }

    /// `up` of every node.
    pub const UP_ALL: Self = Self::Up { node: None };

    /// `down` of one node.
    #[must_use]
    pub fn down(node: &NodeName) -> Self {
        Self::Down { node: node.clone() }
    }

    /// `switchover` to that node.
    #[must_use]
    pub fn switchover(to: &NodeName) -> Self {
        Self::Switchover { to: Some(to.clone()) }
    }

    /// `failover` to whichever standby has most.
    pub const FAILOVER: Self = Self::Failover { to: None, run_alone: false, give_up: None };

    /// The same, of one that then goes on alone.
    pub const FAILOVER_ALONE: Self = Self::Failover { to: None, run_alone: true, give_up: None };

    /// `failover` to that node.
    #[must_use]
    pub fn failover(to: &NodeName) -> Self {
        Self::Failover { to: Some(to.clone()), run_alone: false, give_up: None }
    }

    /// `failover` to one node, of which what another one holds is given up.
    #[must_use]
    pub fn choose(to: &NodeName, given_up: &NodeName) -> Self {
        Self::Failover { to: Some(to.clone()), run_alone: false, give_up: Some(given_up.clone()) }
    }

    /// `rejoin` of one node.
    #[must_use]
    pub fn rejoin(node: &NodeName) -> Self {
        Self::Rejoin { node: node.clone() }
    }

    /// `rebuild` of one node.
    #[must_use]
    pub fn rebuild(node: &NodeName) -> Self {
        Self::Rebuild { node: node.clone() }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option =
            |name: &str, value: &Option<NodeName>| value.as_ref().map(|it| format!(" {name}{it}")).unwrap_or_default();
        match self {
            Self::Doctor { node } => write!(f, "`ha-cli doctor {node}`"),
            Self::Up { node } => write!(f, "`ha-cli up{}`", option("", node)),
            Self::Down { node } => write!(f, "`ha-cli down {node}`"),
            Self::Switchover { to } => write!(f, "`ha-cli switchover{}`", option("--to ", to)),
            Self::Failover { to, run_alone, give_up } => {
                let alone = if *run_alone { " --run-alone" } else { "" };
                write!(f, "`ha-cli failover{}{alone}{}`", option("--to ", to), option("--give-up ", give_up))
            }
            Self::Rejoin { node } => write!(f, "`ha-cli rejoin {node}`"),
            Self::Rebuild { node } => write!(f, "`ha-cli rebuild {node}`"),
        }
    }
}

/// What to do: a text, and the commands that it names. As text it is the text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Advice {
    /// For a person.
    #[serde(rename = "help")]
    pub text: String,
    /// The commands in it that change something, the one to be tried first before the others; none where it is for a hand
    /// elsewhere, or where waiting is enough. Before them one that looks closer, where what they change may need no change.
    pub remedies: Vec<Remedy>,
}

impl Deref for Advice {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Self {
        Self { text, remedies: Vec::new() }
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Advice> for String {
    fn from(advice: Advice) -> Self {
        advice.text
    }
}

/// An [`Advice`]: as `format!`, with a [`Remedy`] for each `{}`.
macro_rules! advice {
    ($format:literal $(, $remedy:expr)+ $(,)?) => {{
        let text = format!($format $(, $remedy)+);
        $crate::advice::Advice { text, remedies: vec![$($remedy),+] }
    }};
}

pub(crate) use advice;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::observe::fixtures::name;

    #[test]
    fn the_commands_stand_in_the_text_and_beside_it() {
        let (vm1, vm2) = (name("vm1"), name("vm2"));
        let seen = advice!("{} starts {vm1}; else {}", Remedy::up(&vm1), Remedy::choose(&vm2, &vm1));
        assert_eq!(seen.text, "`ha-cli up vm1` starts vm1; else `ha-cli failover --to vm2 --give-up vm1`");
        assert_eq!(seen.remedies, [Remedy::up(&vm1), Remedy::choose(&vm2, &vm1)]);
        let json = serde_json::to_value(&seen).unwrap();
        assert_eq!(json["help"], seen.text.as_str());
        assert_eq!(json["remedies"][0], serde_json::json!({ "do": "up", "node": "vm1" }));
        let all = [
            (Remedy::UP_ALL, "up"),
            (Remedy::down(&vm1), "down vm1"),
            (Remedy::switchover(&vm2), "switchover --to vm2"),
            (Remedy::Switchover { to: None }, "switchover"),
            (Remedy::FAILOVER, "failover"),
            (Remedy::FAILOVER_ALONE, "failover --run-alone"),
            (Remedy::failover(&vm2), "failover --to vm2"),
            (Remedy::rejoin(&vm1), "rejoin vm1"),
            (Remedy::rebuild(&vm1), "rebuild vm1"),
            (Remedy::doctor(&vm1), "doctor vm1"),
        ];
        for (remedy, text) in all {
            assert_eq!(remedy.to_string(), format!("`ha-cli {text}`"));
        }
    }

    /// What a plan tells beside its steps, and what would happen if a host died: sentences for a person, no advice.
    const ONLY_TOLD: [&str; 3] = ["plan/explain.rs", "plan/failover/present.rs", "plan/up/server.rs"];

    /// All of a folder's sources, without their tests.
    #[expect(clippy::disallowed_methods, reason = "the ban on I/O is for the crate itself; this reads its sources")]
    fn read(folder: &Path, sources: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap_or_default();
            if name == "tests" || ONLY_TOLD.iter().any(|told| path.ends_with(told)) {
                continue;
            }
            if path.is_dir() {
                read(&path, sources);
            } else {
                let source = fs::read_to_string(&path).unwrap();
                sources.push(source.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
            }
        }
    }

    /// One that is only text cannot be followed by a program, nor by the test that follows every advice.
    #[test]
    fn no_advice_of_health_and_of_the_plans_names_a_command_that_is_only_text() {
        let mut sources = Vec::new();
        for folder in ["health", "plan"] {
            read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder), &mut sources);
        }
        assert!(sources.len() > 30, "{}", sources.len());
        let verbs = ["up", "down", "switchover", "failover", "rejoin", "rebuild"];
        for line in sources.iter().flat_map(|source| source.lines()).filter(|line| !line.trim().starts_with("//")) {
            let named = verbs.iter().find(|verb| line.contains(&format!("ha-cli {verb}")));
            // What destroys data is for a person alone.
            assert!(named.is_none() || line.contains("--volumes"), "a Remedy says it: {line}");
        }
    }
}
