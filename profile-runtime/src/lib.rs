//! The run-time half of `profile-cost`; use that crate, which re-exports this one.

mod label_name;
#[doc(hidden)]
pub mod private;
mod profile;
mod site;

pub use profile::{Counts, Function, FunctionId, Label, Notes, Path, PathId, Profile};

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
