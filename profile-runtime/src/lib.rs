//! The run-time half of `profile-cost`; use that crate, which re-exports this one.

#[doc(hidden)]
pub mod private;
mod profile;
mod site;
pub mod stats;
mod units;

pub use profile::{Counts, Function, FunctionId, Label, Notes, Path, PathId, Profile};
pub use stats::{IntoRestrictions, Restriction, Row, SortKey, Stats, Style};

/// Measures the rest of the enclosing block under a name of its own.
#[macro_export]
macro_rules! scope {
    ($name:expr) => {
        let _profile_cost_scope = {
            static SITE: $crate::private::Site =
                $crate::private::Site::new($name, ::core::file!(), ::core::line!(), true);
            $crate::private::enter(&SITE, || {})
        };
    };
}
