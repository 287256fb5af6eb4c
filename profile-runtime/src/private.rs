//! The only names that the macros emit. Not public: may change in any release.

pub use crate::site::Site;
pub use core::file;
pub use core::line;

/// Stub.
#[derive(Debug)]
#[must_use]
pub struct Guard(());

/// Opens a scope that closes when the guard drops. `namer` is a closure made inside the function: its
/// type's name tells what the function belongs to.
#[inline(always)]
pub fn enter<N: Fn()>(site: &'static Site, _namer: N) -> Guard {
    let _ = (site.name, site.file, site.line, std::any::type_name::<N>());
    Guard(())
}

/// Makes every poll of `future` a segment of a call of `site`.
#[inline(always)]
pub fn instrument<N: Fn(), F: Future>(_site: &'static Site, _namer: N, future: F) -> F {
    future
}

/// What `report`, `report_over`, `top`, `sort` and `log_target` ask for. Lives in a `static`.
#[derive(Debug)]
pub struct Report {
    /// Print only calls that took at least this long; 0 prints all.
    pub over_ns: u64,
    /// Rows to print.
    pub top: u32,
    /// A pstats sort key.
    pub sort: &'static str,
    /// Target of the log record.
    pub log_target: &'static str,
}

/// As [`enter`], and the call is reported by itself when it ends.
#[inline(always)]
pub fn enter_report<N: Fn()>(site: &'static Site, namer: N, _report: &'static Report) -> Guard {
    enter(site, namer)
}

/// As [`instrument`], and the call is reported by itself when it ends.
#[inline(always)]
pub fn instrument_report<N: Fn(), F: Future>(_site: &'static Site, _namer: N, _report: &'static Report, future: F) -> F {
    future
}

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
