//! What the attributes of an item say of its being counted. Those behind a condition (`cfg_attr`) are taken as
//! being there: a function that is left alone by mistake is missed, one that is touched by mistake may not compile.

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

use super::Why;

/// What the nearest `#[profile_cost]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    Measured,
    Skip,
}

/// The item's own `#[profile_cost]`, by whatever path.
pub(super) fn marked(attrs: &[Attribute]) -> Option<Marked> {
    metas(attrs).iter().find(|meta| last(meta.path()) == "profile_cost").map(|meta| {
        let Meta::List(list) = meta else { return Marked::Measured };
        let is_skip = |token| matches!(token, TokenTree::Ident(word) if word == "skip");
        if list.tokens.clone().into_iter().any(is_skip) { Marked::Skip } else { Marked::Measured }
    })
}

/// Why a function with these attributes has to be left alone.
pub(super) fn refused(attrs: &[Attribute]) -> Option<Why> {
    metas(attrs).iter().find_map(|meta| match last(meta.path()).as_str() {
        "naked" => Some(Why::Naked),
        "panic_handler" | "alloc_error_handler" => Some(Why::PanicHandler),
        "proc_macro" | "proc_macro_derive" | "proc_macro_attribute" => Some(Why::ProcMacroEntry),
        "const_fn" => Some(Why::Const),
        // `#[rustversion::attr(since(1.46), const)]`
        _ => match meta {
            Meta::List(list) if says_const(list.tokens.clone()) => Some(Why::Const),
            _ => None,
        },
    })
}

/// Tests, benchmarks, and what a runtime makes a `main` of: called once, however small.
pub(super) fn is_entry(attrs: &[Attribute]) -> bool {
    metas(attrs).iter().any(|meta| matches!(last(meta.path()).as_str(), "test" | "bench" | "main"))
}

/// All that is said, also behind conditions and within `unsafe(..)`.
pub(super) fn metas(attrs: &[Attribute]) -> Vec<Meta> {
    let mut flat = Vec::new();
    let mut rest: Vec<_> = attrs.iter().rev().map(|attribute| attribute.meta.clone()).collect();
    while let Some(meta) = rest.pop() {
        let skipped = match &meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => 1,
            Meta::List(list) if list.path.is_ident("unsafe") => 0,
            _ => {
                flat.push(meta);
                continue;
            }
        };
        let Meta::List(list) = meta else { continue };
        let inside = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        rest.extend(inside.into_iter().flatten().skip(skipped).collect::<Vec<_>>().into_iter().rev());
    }
    flat
}

fn last(path: &Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

fn says_const(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "const"))
}
