//! A profile's ticks as whole nanoseconds.

use crate::profile::Profile;

/// Turns the ticks of one profile into nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nanoseconds {
    /// `None`: ticks are nanoseconds already, and must not take the way through `f64`.
    per_tick: Option<f64>,
}

impl Nanoseconds {
    pub(super) fn of(profile: &Profile) -> Self {
        let per_tick = profile.seconds_per_tick * 1e9;
        Self { per_tick: ((per_tick - 1.0).abs() >= 1e-9).then_some(per_tick) }
    }

    /// Rounded to the nearest; at most `u64::MAX`.
    pub(super) fn from_ticks(self, ticks: u64) -> u64 {
        self.per_tick.map_or(ticks, |per_tick| (ticks as f64 * per_tick).round() as u64)
    }
}
