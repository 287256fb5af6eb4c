//! The async blocks that a function returns, itself or boxed: what has to be measured is those, not the call that
//! makes them. The same forms as the attribute knows.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprAsync, Macro, Signature, Stmt};

/// The blocks, in no order; none unless the body ends in one.
pub(super) fn returned(body: &Block) -> Vec<&ExprAsync> {
    let mut found = Returned(Vec::new());
    match body.stmts.last() {
        Some(Stmt::Expr(tail, None)) => found.tail(tail),
        Some(Stmt::Expr(tail @ Expr::Return(_), Some(_))) => found.tail(tail),
        _ => {}
    }
    if found.0.is_empty() {
        return Vec::new();
    }
    found.visit_block(body);
    // A `return` in a tail was seen twice.
    found.0.sort_by_key(|block| std::ptr::from_ref(*block));
    found.0.dedup_by_key(|block| std::ptr::from_ref(*block));
    found.0
}

/// Whether the function's future waits for others: beside that, the look at the clock costs nothing.
pub(super) fn awaits(sig: &Signature, body: &Block) -> bool {
    let mut awaits = Awaits(false);
    if sig.asyncness.is_some() {
        awaits.visit_block(body);
    } else {
        returned(body).iter().for_each(|future| awaits.visit_block(&future.block));
    }
    awaits.0
}

/// An `.await`, or a macro that has one: not those of closures, inner functions or async blocks.
struct Awaits(bool);

impl<'a> Visit<'a> for Awaits {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Closure(_) | Expr::Async(_) => {}
            Expr::Await(_) => self.0 = true,
            _ => visit::visit_expr(self, expr),
        }
    }

    fn visit_macro(&mut self, mac: &'a Macro) {
        const WAITING: [&str; 4] = ["join", "try_join", "select", "select_biased"];
        let name = mac.path.segments.last();
        self.0 |= name.is_some_and(|name| WAITING.iter().any(|waiting| name.ident == waiting));
        self.0 |= has_await(mac.tokens.clone());
    }

    fn visit_item(&mut self, _: &'a syn::Item) {}
}

/// Also that of a block of its own within: a macro's tokens are not known to be expressions.
fn has_await(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => name == "await",
        TokenTree::Group(group) => has_await(group.stream()),
        _ => false,
    })
}

struct Returned<'a>(Vec<&'a ExprAsync>);

impl<'a> Returned<'a> {
    /// `expr` is what the function returns: looks through everything that only selects a value.
    fn tail(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Async(block) => self.0.push(block),
            Expr::Call(call) if is_box_pin(&call.func) && call.args.len() == 1 => self.tail(&call.args[0]),
            Expr::MethodCall(call)
                if call.args.is_empty() && (call.method == "boxed" || call.method == "boxed_local") =>
            {
                self.tail(&call.receiver);
            }
            Expr::Paren(inner) => self.tail(&inner.expr),
            Expr::Group(inner) => self.tail(&inner.expr),
            Expr::Cast(inner) => self.tail(&inner.expr),
            Expr::Return(inner) => inner.expr.iter().for_each(|inner| self.tail(inner)),
            Expr::Block(inner) => self.block(&inner.block),
            Expr::Unsafe(inner) => self.block(&inner.block),
            Expr::If(inner) => {
                self.block(&inner.then_branch);
                if let Some((_, other)) = &inner.else_branch {
                    self.tail(other);
                }
            }
            Expr::Match(inner) => inner.arms.iter().for_each(|arm| self.tail(&arm.body)),
            _ => {}
        }
    }

    fn block(&mut self, block: &'a Block) {
        if let Some(Stmt::Expr(expr, None)) = block.stmts.last() {
            self.tail(expr);
        }
    }
}

/// Early returns: not those of closures, inner functions or async blocks.
impl<'a> Visit<'a> for Returned<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Closure(_) | Expr::Async(_) => {}
            Expr::Return(_) => self.tail(expr),
            _ => visit::visit_expr(self, expr),
        }
    }

    fn visit_item(&mut self, _: &'a syn::Item) {}
}

/// `Box::pin`, also by its full path.
fn is_box_pin(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    let mut names = path.path.segments.iter().rev().map(|segment| &segment.ident);
    names.next().is_some_and(|name| name == "pin") && names.next().is_some_and(|name| name == "Box")
}
