//! A spot in the call tree: where a thread is, as whatever leads it elsewhere remembers it to lead it back.

use crate::counters::Counters;

/// See the module. Points to leaked counters only.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "throttle"), repr(transparent))]
pub(crate) struct Spot {
    /// The path, from which further calls are made.
    place: *const Counters,
    /// The path that the time goes to: the same, or the innermost timed call around the calls that are only counted.
    #[cfg(feature = "throttle")]
    charged: *const Counters,
}

impl Spot {
    /// On a path that time is charged to.
    #[inline(always)]
    pub(crate) fn of(counters: *const Counters) -> Self {
        Self {
            place: counters,
            #[cfg(feature = "throttle")]
            charged: counters,
        }
    }

    /// On a path, while the time of another goes on.
    #[cfg(feature = "throttle")]
    #[inline(always)]
    pub(crate) fn within(place: *const Counters, charged: *const Counters) -> Self {
        Self { place, charged }
    }

    /// The path, from which further calls are made.
    #[inline(always)]
    pub(crate) fn place(self) -> *const Counters {
        self.place
    }

    /// The path that the time goes to.
    #[inline(always)]
    pub(crate) fn charged(self) -> *const Counters {
        #[cfg(feature = "throttle")]
        return self.charged;
        #[cfg(not(feature = "throttle"))]
        self.place
    }
}
