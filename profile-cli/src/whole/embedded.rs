//! Sources that a program embeds as text, by `include_str!("template.rs")`: it shall see its own, and not the mirror's.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::splice::start_of_items;

/// The source of a file in `folder`, with the whole path of each `.rs` file that is embedded in it.
///
/// Not where a macro is defined: there, names are meant as from the file that calls it.
pub(super) fn with_whole_paths<'s>(source: &'s str, folder: &Path) -> Cow<'s, str> {
    if !source.contains("include_str!") && !source.contains("include_bytes!") {
        return source.into();
    }
    let base = start_of_items(source);
    let Ok(tokens) = source[base..].parse::<TokenStream>() else { return source.into() };
    let mut names = Vec::new();
    collect(tokens, &mut names);
    let mut text = source.to_owned();
    for (place, name) in names.into_iter().rev() {
        if let Some(path) = folder.join(name).to_str() {
            text.replace_range(base + place.start..base + place.end, &format!("{path:?}"));
        }
    }
    text.into()
}

/// Where names stand, and names, in order.
fn collect(tokens: TokenStream, names: &mut Vec<(Range<usize>, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |index: Option<usize>, text: &str| {
        index.and_then(|index| tokens.get(index)).is_some_and(|token| token.to_string() == text)
    };
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let called = index.checked_sub(2).filter(|_| is(index.checked_sub(1), "!"));
        if is(called, "include_str") || is(called, "include_bytes") {
            names.extend(name(group.stream()));
        } else if !(is(index.checked_sub(2), "!") && is(index.checked_sub(3), "macro_rules")) {
            collect(group.stream(), names);
        }
    }
}

fn name(argument: TokenStream) -> Option<(Range<usize>, String)> {
    let literal = argument.into_iter().next().filter(|token| matches!(token, TokenTree::Literal(_)))?;
    let literal: syn::LitStr = syn::parse2(literal.into()).ok()?;
    let name = literal.value();
    name.ends_with(".rs").then(|| (literal.span().byte_range(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(source: &str) -> String {
        with_whole_paths(source, Path::new("/app/src")).into_owned()
    }

    #[test]
    fn names_of_sources_become_whole() {
        assert_eq!(
            changed("fn f() { g(include_str!(\"../a.rs\"), vec![include_bytes! ( \"b.txt\" ), 1]) }"),
            "fn f() { g(include_str!(\"/app/src/../a.rs\"), vec![include_bytes! ( \"b.txt\" ), 1]) }"
        );
        assert_eq!(
            changed("\u{feff}#!/bin/x\nconst A: &str = std::include_str!(r\"ü b.rs\");"),
            "\u{feff}#!/bin/x\nconst A: &str = std::include_str!(\"/app/src/ü b.rs\");"
        );
    }

    #[test]
    fn all_else_stays() {
        for source in [
            "const A: &str = include_str!(\"a.txt\");",
            "include!(\"a.rs\");",
            "macro_rules! m { () => { include_str!(\"a.rs\") } }",
            "const A: &str = include_str!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"));",
            "no ( include_str!(\"a.rs\")",
        ] {
            assert_eq!(changed(source), source);
        }
    }
}
