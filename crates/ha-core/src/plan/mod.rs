//! What a command will do, as a value: it can be printed, tested, and run by [`Cluster::run`](crate::Cluster::run).

mod ancestry;
mod backup;
mod belonging;
mod down;
mod explain;
mod facts;
mod failover;
mod generations;
mod left_out;
pub(crate) mod logins;
#[cfg(test)]
mod order;
mod refusal;
mod rejoin;
mod remedies;
mod renamed;
mod replication;
mod roles;
#[cfg(test)]
mod sequences;
mod step;
mod switchover;
mod tablespace;
mod up;
mod way_out;

pub(crate) use ancestry::{Of, has_been_through, own_way};
pub use backup::{Backup, BackupWay, choose_backup, decide_backup};
pub use belonging::{Standing, settle_id, strangers};
pub use down::decide_down;
pub use explain::{Outlook, explain};
pub use facts::{DataState, Facts, Lacking, NodeFacts};
pub use failover::{Failover, FailoverOptions, GivenUp, LastArrival, Loss, decide_failover, undo_failover};
pub use refusal::{Refusal, RefusalKind};
pub use rejoin::{RejoinMethod, RejoinStart, begin_rejoin, choose_method, decide_rebuild, decide_rejoin};
pub(crate) use remedies::one_of;
pub(crate) use renamed::{renamed_anywhere, renamed_containers, renamed_on, renamed_servers};
pub use replication::decide_replication;
pub use roles::{RoleFact, RoleFacts, StoppedServer};
pub use step::{Action, Change, OldData, Plan, PlannedStep, StepId};
pub use switchover::{Switchover, SwitchoverOptions, decide_switchover, undo_switchover};
pub(crate) use tablespace::{drop_tablespaces, not_with_tablespaces};
pub use up::{UpOptions, decide_up};
pub(crate) use way_out::{WayOut, way_out};
