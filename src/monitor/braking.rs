//! The brake as the monitor offers it, and as it is set by a tick.

use super::brake::Brake;
use super::shared::Shared;
use super::{Admission, Handle};
use crate::policy::brake::{BrakeStatistics, Refused, Sight};
use crate::snapshot::Snapshot;
use std::time::{Duration, Instant};

impl Handle {
    /// Says whether the process may grow, without a reference to the monitor: for layers and tasks.
    pub fn brake(&self) -> Brake {
        self.shared.brake.clone()
    }

    /// As [`Brake::may_grow`].
    #[inline]
    pub fn may_grow(&self) -> bool {
        self.shared.brake.may_grow()
    }

    /// As [`Brake::admit`].
    ///
    /// # Errors
    /// [`Refused`] near the line, with what is used and when to try again.
    #[inline]
    pub fn admit(&self, bytes: u64) -> Result<(), Refused> {
        self.shared.brake.admit(bytes)
    }

    /// As [`Brake::admit_within`].
    ///
    /// # Errors
    /// [`Refused`] when the time is up.
    pub fn admit_within(&self, bytes: u64, patience: Duration) -> Result<(), Refused> {
        self.shared.brake.admit_within(bytes, patience)
    }

    /// As [`Brake::admit_async`].
    pub fn admit_async(&self, bytes: u64) -> Admission {
        self.shared.brake.admit_async(bytes)
    }

    /// As [`Brake::statistics`].
    pub fn brake_statistics(&self) -> BrakeStatistics {
        self.shared.brake.statistics()
    }
}

impl Shared {
    /// Sets the brake to what a judged snapshot says.
    pub(super) fn set_brake(&self, snapshot: &Snapshot, now: Instant) {
        let sight = snapshot.usage_bytes().map(|usage| {
            let (live, settings) = (snapshot.live_bytes(), self.settings());
            Sight::new(usage, live, self.budget().bytes, &settings.thresholds, snapshot.level())
        });
        self.brake.set(sight, now);
    }
}
