//! What a command will do, as a value: it can be printed, tested, and run by [`Cluster::run`](crate::Cluster::run).

mod down;
mod facts;
mod refusal;
mod step;
mod switchover;
mod up;

pub use down::decide_down;
pub use facts::{DataState, NodeFacts};
pub use refusal::{Refusal, RefusalKind};
pub use step::{Action, Change, Plan, PlannedStep, StepId};
pub use switchover::{
    StoppedServer, Switchover, SwitchoverFacts, SwitchoverNode, SwitchoverOptions, decide_switchover, undo_switchover,
};
pub use up::{Facts, UpOptions, decide_up};
