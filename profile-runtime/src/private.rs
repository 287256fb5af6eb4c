//! The only names that the macros emit. Not public: may change in any release.

pub use crate::call::{ReportGuard, Reported, enter_report, instrument_report};
pub use crate::future::{Instrumented, instrument};
pub use crate::guard::{Guard, enter};
pub use crate::outlined_guard::OutlinedGuard;
pub use crate::report::Report;
pub use crate::site::Site;
pub use crate::whole::instrument_at;
/// What an `async fn` that returns `!` holds.
pub use core::convert::Infallible as Never;
/// For programs that have another `core`, or none.
pub use core::file;

/// Stands in a branch that is never taken, to say what type a future's body returns.
pub fn returns<T>() -> T {
    unreachable!("this branch is never taken")
}

/// The label of a function whose namer's type has this name. For the tests of the macros.
pub fn label_of(type_name: &str, fn_name: &str) -> String {
    crate::label_name::shorten(type_name, fn_name)
}

/// As [`label_of`], with modules: for functions whose labels are equal and that are not the same.
pub fn qualified_label_of(type_name: &str, fn_name: &str) -> String {
    crate::label_name::qualify(type_name, fn_name)
}
