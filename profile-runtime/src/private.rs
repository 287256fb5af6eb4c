//! The only names that the macros emit. Not public: may change in any release.

pub use crate::call::{Reported, ReportGuard, enter_report, instrument_report};
pub use crate::future::{Instrumented, instrument};
pub use crate::guard::{Guard, enter};
pub use crate::report::Report;
pub use crate::site::Site;

/// Stands in a branch that is never taken, to say what type a future's body returns.
pub fn returns<T>() -> T {
    unreachable!("this branch is never taken")
}
