//! How large function bodies are, in tokens: counted once for a file, not printed again for each body.

use std::collections::HashMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Block;
use syn::visit::{self, Visit};

/// Tokens between braces, by the offset of the opening one. A group counts as one token and what it holds.
#[derive(Debug)]
pub(super) struct Sizes(HashMap<usize, usize>);

impl Sizes {
    pub(super) fn of(file: TokenStream) -> Self {
        let mut sizes = HashMap::new();
        count(file, &mut sizes);
        Self(sizes)
    }

    /// Whether the body has fewer tokens than `min_size`, and no loop.
    pub(super) fn is_small(&self, body: &Block, min_size: usize) -> bool {
        let open = body.brace_token.span.open().byte_range().start;
        let is_short = self.0.get(&open).is_some_and(|tokens| *tokens < min_size);
        is_short && !has_loop(body)
    }
}

fn count(tokens: TokenStream, sizes: &mut HashMap<usize, usize>) -> usize {
    let mut total = 0;
    for token in tokens {
        total += 1;
        if let TokenTree::Group(group) = token {
            let inside = count(group.stream(), sizes);
            if group.delimiter() == Delimiter::Brace {
                sizes.insert(group.span_open().byte_range().start, inside);
            }
            total += inside;
        }
    }
    total
}

fn has_loop(body: &Block) -> bool {
    struct Loops(bool);
    impl<'a> Visit<'a> for Loops {
        fn visit_expr(&mut self, expr: &'a syn::Expr) {
            use syn::Expr::{ForLoop, Loop, While};
            self.0 |= matches!(expr, ForLoop(_) | Loop(_) | While(_));
            visit::visit_expr(self, expr);
        }
    }
    let mut loops = Loops(false);
    loops.visit_block(body);
    loops.0
}
