//! What the observations mean: one report for people and machines, with a finding for each cause.

mod assess;
mod finding;
mod report;

pub use assess::assess;
pub use finding::{Code, Finding, Severity};
pub use report::{
    ClusterState, KeycloakReport, NodeReport, PostgresReport, PostgresState, ReplicationReport, ReplicationState,
    Report, ReportedRole, SlotReport,
};
