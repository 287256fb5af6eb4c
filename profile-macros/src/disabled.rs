//! What the attribute does with the feature `enabled` off: nothing, to the token.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Hands the item back. Only the `#[profile_cost(..)]` inside it go, as they would with the feature on:
/// inside a module the name need not be in scope.
pub fn attribute(item: TokenStream) -> TokenStream {
    strip(item.clone()).unwrap_or(item)
}

/// The tokens without our attributes; `None` when there are none, so that nothing is rebuilt in vain.
fn strip(tokens: TokenStream) -> Option<TokenStream> {
    let mut kept = Vec::new();
    let mut changed = false;
    for token in tokens {
        let TokenTree::Group(group) = token else {
            kept.push(token);
            continue;
        };
        let after_pound = matches!(kept.last(), Some(TokenTree::Punct(p)) if p.as_char() == '#');
        if after_pound && is_ours(&group) {
            kept.pop();
            changed = true;
            continue;
        }
        match strip(group.stream()) {
            Some(inner) => {
                let mut rebuilt = Group::new(group.delimiter(), inner);
                rebuilt.set_span(group.span());
                kept.push(rebuilt.into());
                changed = true;
            }
            None => kept.push(group.into()),
        }
    }
    changed.then(|| kept.into_iter().collect())
}

/// `[profile_cost]`, `[profile_cost(..)]`, `[path::to::profile_cost(..)]`.
fn is_ours(group: &Group) -> bool {
    if group.delimiter() != Delimiter::Bracket {
        return false;
    }
    let mut last = None;
    for token in group.stream() {
        match token {
            TokenTree::Ident(ident) => last = Some(ident),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            _ => break,
        }
    }
    last.is_some_and(|ident| ident == "profile_cost")
}
