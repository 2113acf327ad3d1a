//! What a command will do, as a value: it can be printed, tested, and run by [`Cluster::run`](crate::Cluster::run).

mod down;
mod facts;
mod refusal;
mod step;
mod up;

pub use down::decide_down;
pub use facts::{DataState, NodeFacts};
pub use refusal::{Refusal, RefusalKind};
pub use step::{Action, Change, Plan, PlannedStep, StepId};
pub use up::{Facts, UpOptions, decide_up};
