//! What a server's clock says.

use serde::{Deserialize, Serialize};

/// More than this apart, a node refuses the tokens of its peer: Keycloak checks the times in a token without any allowance.
const TOLERATED_MS: i64 = 1000;

/// A clock against this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// How far it is ahead of this machine's, in milliseconds; negative when behind.
    pub ahead_ms: i64,
    /// Half the time that reading it took: the truth lies within this of it.
    pub uncertainty_ms: i64,
}

impl ClockReading {
    /// From what it said, and this machine's clock right before and after, all in milliseconds since 1970.
    #[must_use]
    pub const fn between(before_ms: i64, theirs_ms: i64, after_ms: i64) -> Self {
        let half = after_ms.saturating_sub(before_ms) / 2;
        Self {
            ahead_ms: theirs_ms.saturating_sub(before_ms.saturating_add(half)),
            uncertainty_ms: half.saturating_abs() + 1,
        }
    }

    /// How far it is ahead of another one, in milliseconds, where that is more than is tolerated, whatever the measurement may have
    /// added.
    #[must_use]
    pub const fn apart_from(self, other: Self) -> Option<i64> {
        let difference = self.ahead_ms.saturating_sub(other.ahead_ms);
        let uncertainty = self.uncertainty_ms.saturating_add(other.uncertainty_ms);
        if difference.saturating_abs().saturating_sub(uncertainty) > TOLERATED_MS { Some(difference) } else { None }
    }

    /// This machine's own.
    pub const OWN: Self = Self { ahead_ms: 0, uncertainty_ms: 0 };
}

/// `1.5 s ahead of`, as is said of one clock against another.
pub(crate) fn ahead(ms: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let seconds = ms.saturating_abs() as f64 / 1000.0;
    format!("{seconds:.1} s {}", if ms < 0 { "behind" } else { "ahead of" })
}
