//! Runs the operator's own programs beside the work. A hook delays nothing and makes nothing fail: it is started in the
//! background, waited for at the end, and what is wrong with it is shown as a warning.

mod notifier;
mod process;
mod report;
mod under_way;
mod watcher;

pub use notifier::Notifier;
pub use process::HookEnd;
pub use report::HookReport;
pub use under_way::HooksUnderWay;
pub(crate) use under_way::warn;
pub use watcher::HooksOnPromotion;
