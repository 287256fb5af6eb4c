//! The attribute macros of `profile-cost`: entry points only.

use proc_macro::TokenStream;

mod args;
mod async_kind;
mod disabled;
mod expand;
mod item;
mod validate;

/// Counts and times every call of the annotated item. See the crate `profile-cost`.
#[proc_macro_attribute]
pub fn profile_cost(args: TokenStream, item: TokenStream) -> TokenStream {
    if cfg!(feature = "enabled") {
        expand::attribute(args.into(), item.into()).into()
    } else {
        disabled::attribute(item.into()).into()
    }
}
