//! The attribute macros of `profile-cost`: entry points only.

use proc_macro::TokenStream;

mod args;
mod async_kind;
mod disabled;
mod expand;
mod item;
mod validate;

/// Counts and times every call of a function, or of all functions of an `impl`, a `trait` or an inline `mod`.
///
/// ```ignore
/// #[profile_cost] fn load(..) { .. }            // also methods, async, generic, extern, unsafe functions
/// #[profile_cost] impl Orders { .. }            // every method; `#[profile_cost(skip)]` leaves one out
/// #[profile_cost(report_over = "200ms", top = 10)] async fn checkout(..) { .. }
/// ```
///
/// # Options
/// - `name = "db.load"`: the label, in place of the function's own name. On functions only.
/// - `report`: print the callers report of each call when it ends.
/// - `report_over = "200ms"`: only of calls that took at least this long; units ns, us, ms, s, m; `"1.5s"` is fine.
/// - `top = 20`: rows of that report. `sort = "tottime"`: its order, a sort key of pstats or a prefix that pstats
///   takes (default `cumulative`). `log_target = ".."`: the target of its log record (default `profile_cost`).
/// - `skip`: leave this item out of the block around it. Inside a block that is left out, an item with a
///   `#[profile_cost]` of its own is measured.
/// - `crate = path`: where `profile-cost` is to be found, when it is not `::profile_cost`.
///
/// Options of a block hold for all functions in it. A function's own options come first.
///
/// # Names
/// A function is called `load`, a method `Orders::load`, a trait's method `<Orders as Store>::load`, a default method
/// `Store::load`. Type parameters show as `_`: all instances of a generic function are one function. The
/// line is that of the function's name. Associated functions that say neither `self` nor `Self` get their type's name
/// when it does not begin with a lower-case letter.
///
/// # What is measured
/// The body, from its first statement to the end of its locals; arguments of a sync function drop after that.
/// The signature stays, the body is in no closure: `return`, `?` and `#[track_caller]` work as without.
///
/// Of an `async fn` its future is measured, poll by poll, with all its arguments in it: a call begins at the first
/// poll, and a future that is never polled is no call. So is the async block of a function that ends in
/// `async { .. }`, `Box::pin(async { .. })` or `async { .. }.boxed()`, hence of `#[async_trait]` in either order; the
/// statements before it are not. Of a function that gets its future elsewhere, the call is measured that makes it.
/// Below `#[tokio::main]` or `#[tokio::test]` the attribute sees a sync function that blocks, above them the future.
///
/// # Limits
/// - In an `async fn` that takes `mut self`, an assignment to a field that nothing reads afterwards is reported as
///   `unused_assignments` though the field's own drop may read it: say `let mut this = self;` and use `this`.
/// - The arguments of an `async fn` are bound once more inside its future: `clippy::shadow_same`, which is off unless
///   asked for, says so.
/// - An async block that comes out of a macro call at the end of a sync function is not seen: the call is measured.
///
/// # Errors
/// A `const fn`, a method without body, a naked or `gen` function, and what is no function get a compile error that
/// names the remedy; in a block that is measured as a whole they are left alone. Wrong options get an error on the word
/// that is wrong. The item is emitted all the same.
///
/// With the feature `enabled` off, the item is handed back as it came.
#[proc_macro_attribute]
pub fn profile_cost(args: TokenStream, item: TokenStream) -> TokenStream {
    if cfg!(feature = "enabled") {
        expand::attribute(args.into(), item.into()).into()
    } else {
        disabled::attribute(item.into()).into()
    }
}
