//! Values of the field that have rules of their own: parsed once at the edge, then right by type.

mod cluster_id;
mod lsn;
mod name;
mod postgres;
mod promotion;
mod secret;

pub use cluster_id::{ClusterId, ClusterIdError};
pub use lsn::{Lsn, ParseLsnError};
pub use name::{ClusterName, NameError, NodeName, SlotName};
pub use postgres::{ServerVersion, SystemIdentifier, TimelineId};
pub use promotion::{Lineage, MOST_ANCESTORS, PromotionId, PromotionIdError, PromotionRecord};
pub use secret::Secret;
