//! What the observations mean: one report for people and machines, with a finding for each cause.

mod assess;
pub(crate) mod at_work;
mod changes;
mod finding;
mod host;
mod report;
pub(crate) mod rest;
mod trend;

pub use assess::{assess, assess_roles};
pub use changes::{Change, carry, changes};
pub use finding::{Code, Finding, Severity};
pub use host::hours;
pub use report::{
    ClusterState, HostReport, KeycloakReport, NodeReport, PostgresReport, PostgresState, ReplicationReport,
    ReplicationState, Report, ReportedRole, SlotReport,
};
pub use trend::DiskTrend;
