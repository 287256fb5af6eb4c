//! Attributes, a derive and a call, without help from other crates.

extern crate proc_macro;

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// `describe()`: what it is and its name.
#[proc_macro_derive(Describe, attributes(described))]
pub fn describe(item: TokenStream) -> TokenStream {
    let words: Vec<String> = item.into_iter().map(|token| token.to_string()).collect();
    let at = words.iter().position(|word| word == "struct" || word == "enum").expect("a type");
    let (kind, name) = (&words[at], &words[at + 1]);
    let text = format!(
        "impl {name} {{ pub fn describe(&self) -> &'static str {{ \"{kind} {name}\" }} }}"
    );
    text.parse().expect("an impl")
}

/// The body runs once more before.
#[proc_macro_attribute]
pub fn twice(_: TokenStream, item: TokenStream) -> TokenStream {
    change_body(item, |body| {
        let text = format!("{{ {{ let _ = (|| {body})(); }} {body} }}");
        text.parse::<TokenStream>().expect("a body").into_iter().next().expect("a block")
    })
}

/// Gives the item back; a place for the arguments of others.
#[proc_macro_attribute]
pub fn unchanged(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Wants bodies that begin as `begins` says, and knows no others.
#[proc_macro_attribute]
pub fn begins(with: TokenStream, item: TokenStream) -> TokenStream {
    let with = with.to_string();
    let mut is_known = true;
    let item = change_body(item, |body| {
        if let TokenTree::Group(group) = &body {
            is_known = group.stream().into_iter().next().is_some_and(|first| first.to_string() == with);
        }
        body
    });
    if is_known { item } else { "compile_error!(\"the body begins otherwise\");".parse().unwrap() }
}

/// `make!(name, 4)`: a function `name` that gives 4.
#[proc_macro]
pub fn make(arguments: TokenStream) -> TokenStream {
    let words: Vec<String> = arguments.into_iter().map(|token| token.to_string()).collect();
    format!("pub fn {}() -> u64 {{ {} }}", words[0], words[2]).parse().expect("a function")
}

fn change_body(item: TokenStream, change: impl FnOnce(TokenTree) -> TokenTree) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let is_body = |token: &TokenTree| {
        matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    let at = tokens.iter().rposition(is_body).expect("a body");
    let body = tokens.remove(at);
    tokens.insert(at, change(body));
    tokens.into_iter().collect()
}

#[test]
fn macros_have_tests() {
    // Outside of a compiler there are no tokens.
    assert!(std::panic::catch_unwind(|| proc_macro::Group::new(Delimiter::Brace, TokenStream::new())).is_err());
}
