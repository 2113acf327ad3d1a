//! One test, and how it is named.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::outcome::Outcome;
use crate::world::World;

/// One test.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub name: &'static str,
    /// Its row in the table of capabilities; several cases may share one.
    pub capability: Option<(&'static str, Word)>,
    pub run: fn(Arc<World>) -> Running,
}

/// Names a case after its function.
macro_rules! case {
    ($($path:ident)::+) => {
        $crate::case::Case {
            name: stringify!($($path)::+),
            capability: None,
            run: |world| Box::pin($crate::$($path)::+(world)),
        }
    };
    ($($path:ident)::+, $word:ident, $capability:literal) => {
        $crate::case::Case {
            name: stringify!($($path)::+),
            capability: Some(($capability, $crate::case::Word::$word)),
            run: |world| Box::pin($crate::$($path)::+(world)),
        }
    };
}

pub(crate) use case;

/// Cases that run after those before them have ended.
pub(crate) struct Phase {
    pub cases: Vec<Case>,
    /// One at a time: they measure, or change the pair.
    pub alone: bool,
}

/// What a read-only node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    Works,
    Follows,
    Held,
    Refused,
}

impl Word {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Follows => "follows",
            Self::Held => "held",
            Self::Refused => "refused",
        }
    }
}

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
