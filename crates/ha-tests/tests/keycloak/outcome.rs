//! How a case ends.

use libtest_mimic::Failed;

pub(crate) type Outcome = Result<(), Failed>;
