//! Which future a function makes, if any: that future is what has to be measured, not the call that
//! makes it. And how the arguments of an `async fn` get into it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, FnArg, Ident, Pat, ReturnType, Signature, Stmt, Type};

use crate::item::Body;

/// Wraps, by `wrap`, each async block that a sync function returns, itself or in `Box::pin`. False when there is none
/// to see.
pub fn wrap_returned_futures(body: &mut Body, wrap: impl FnMut(&Expr) -> TokenStream) -> bool {
    let Some(mut statements) = parse(body) else { return false };
    let mut wrapper = Wrapper { wrap, found: false };
    let Some(Stmt::Expr(tail, semi)) = statements.last_mut() else { return false };
    match (semi, &*tail) {
        (None, _) | (Some(_), Expr::Return(_)) => wrapper.tail(tail),
        _ => return false,
    }
    if !wrapper.found {
        return false;
    }
    for statement in &mut statements {
        wrapper.visit_stmt_mut(statement);
    }
    body.statements = quote::quote!(#(#statements)*);
    true
}

/// Splits leading items off a body, since clippy wants no item after a statement.
pub fn leading_items(body: &Body) -> (TokenStream, TokenStream) {
    let Some(statements) = parse(body) else { return (TokenStream::new(), body.statements.clone()) };
    let is_item = |s: &&Stmt| matches!(s, Stmt::Item(_));
    let items = statements.iter().take_while(is_item).count();
    let tokens = |part: &[Stmt]| part.iter().map(ToTokens::to_token_stream).collect();
    if items == 0 {
        return (TokenStream::new(), body.statements.clone());
    }
    (tokens(&statements[..items]), tokens(&statements[items..]))
}

fn parse(body: &Body) -> Option<Vec<Stmt>> {
    syn::parse::Parser::parse2(Block::parse_within, body.statements.clone()).ok()
}

struct Wrapper<F> {
    wrap: F,
    found: bool,
}

impl<F: FnMut(&Expr) -> TokenStream> Wrapper<F> {
    /// `expr` is what the function returns: looks through everything that only selects a value.
    fn tail(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Async(_) => {
                self.found = true;
                *expr = Expr::Verbatim((self.wrap)(expr));
            }
            Expr::Call(call) if is_box_pin(&call.func) && call.args.len() == 1 => {
                self.tail(&mut call.args[0])
            }
            Expr::MethodCall(call)
                if call.args.is_empty() && (call.method == "boxed" || call.method == "boxed_local") =>
            {
                self.tail(&mut call.receiver);
            }
            Expr::Paren(inner) => self.tail(&mut inner.expr),
            Expr::Group(inner) => self.tail(&mut inner.expr),
            Expr::Cast(inner) => self.tail(&mut inner.expr),
            Expr::Return(inner) => {
                if let Some(inner) = &mut inner.expr {
                    self.tail(inner);
                }
            }
            Expr::Block(inner) => self.block(&mut inner.block),
            Expr::Unsafe(inner) => self.block(&mut inner.block),
            Expr::If(inner) => {
                self.block(&mut inner.then_branch);
                if let Some((_, other)) = &mut inner.else_branch {
                    self.tail(other);
                }
            }
            Expr::Match(inner) => inner.arms.iter_mut().for_each(|arm| self.tail(&mut arm.body)),
            _ => {}
        }
    }

    fn block(&mut self, block: &mut Block) {
        if let Some(Stmt::Expr(expr, None)) = block.stmts.last_mut() {
            self.tail(expr);
        }
    }
}

/// Early returns: not those of closures, inner functions or async blocks.
impl<F: FnMut(&Expr) -> TokenStream> VisitMut for Wrapper<F> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Closure(_) | Expr::Async(_) => {}
            Expr::Return(_) => self.tail(expr),
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

/// `Box::pin`, also by its full path and through `Pin::from(Box::new(..))`-like macros' re-exports.
fn is_box_pin(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    let names: Vec<_> = path.path.segments.iter().rev().take(2).map(|s| s.ident.to_string()).collect();
    matches!(names.as_slice(), [pin, boxed] if pin == "pin" && boxed == "Box")
}

/// Makes every argument a plain name in `sig`, and returns the statements that move all of them into
/// the future, used or not, in the order in which `async fn` itself does: it is the drop order.
pub fn move_arguments(sig: &mut Signature) -> TokenStream {
    let mixed = Span::mixed_site();
    let mut moves = TokenStream::new();
    let mut taken = plain_names(sig);
    for (index, argument) in sig.inputs.iter_mut().enumerate() {
        let argument = match argument {
            FnArg::Receiver(receiver) => {
                // A reference has nothing to drop; a value must not stay behind.
                if receiver.reference.is_none() {
                    let this = &receiver.self_token;
                    moves.extend(quote_spanned!(mixed=> let _ = &#this;));
                }
                continue;
            }
            FnArg::Typed(argument) => argument,
        };
        let cfgs: Vec<_> = argument.attrs.iter().filter(|a| a.path().is_ident("cfg")).cloned().collect();
        if let Some(name) = plain_name(&argument.pat) {
            let Pat::Ident(ident) = &mut *argument.pat else { unreachable!("a plain name is an identifier") };
            let mutability = ident.mutability.take();
            if name.unraw().to_string().starts_with('_') {
                // Nobody may say the name of a `_binding` in the user's source, clippy holds: say ours.
                ident.ident.set_span(name.span().resolved_at(mixed));
                let argument = &ident.ident;
                moves.extend(quote_spanned!(mixed=>
                    #(#cfgs)* let #mutability #name = ::core::convert::identity(#argument);
                ));
                continue;
            }
            moves.extend(quote_spanned!(mixed=> #(#cfgs)* let #mutability #name = #name;));
        } else {
            let name = name_of_pattern(&argument.pat, index, &mut taken);
            let pattern = std::mem::replace(&mut *argument.pat, Pat::Verbatim(name.to_token_stream()));
            moves.extend(quote_spanned!(mixed=>
                #(#cfgs)* let #name = #name;
                #(#cfgs)* let #pattern = #name;
            ));
        }
    }
    moves
}

fn plain_name(pattern: &Pat) -> Option<Ident> {
    match pattern {
        Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => Some(ident.ident.clone()),
        _ => None,
    }
}

/// Without their leading `_`: clippy holds `a` and `_a` for too much alike.
fn plain_names(sig: &Signature) -> Vec<String> {
    let name = |argument: &FnArg| match argument {
        FnArg::Typed(argument) => plain_name(&argument.pat).map(|name| without_underscore(&name.to_string())),
        FnArg::Receiver(_) => None,
    };
    sig.inputs.iter().filter_map(name).collect()
}

fn without_underscore(name: &str) -> String {
    name.trim_start_matches('_').to_owned()
}

/// A name that reads well in the documentation: `id` for `Path(id)`.
fn name_of_pattern(pattern: &Pat, index: usize, taken: &mut Vec<String>) -> Ident {
    struct Names(Vec<String>);
    impl VisitMut for Names {
        fn visit_pat_ident_mut(&mut self, ident: &mut syn::PatIdent) {
            self.0.push(ident.ident.unraw().to_string());
        }
    }
    let mut names = Names(Vec::new());
    names.visit_pat_mut(&mut pattern.clone());
    let is_name = |n: &String| n.starts_with(|c: char| c.is_lowercase() || c == '_') && *n != "self";
    names.0.retain(is_name);
    let name = names.0.join("_");
    // No names, a keyword without its `r#`, or what another argument is called.
    if syn::parse_str::<Ident>(&name).is_err() || taken.contains(&without_underscore(&name)) {
        return format_ident!("arg{index}", span = Span::mixed_site());
    }
    taken.push(without_underscore(&name));
    Ident::new(&name, Span::mixed_site())
}

/// The type that the future's `return` has; `impl Trait` cannot be named in a body and becomes `_`.
pub fn output(sig: &Signature) -> Output {
    match &sig.output {
        ReturnType::Default => Output::Type(quote_spanned!(Span::mixed_site()=> ())),
        ReturnType::Type(_, ty) if matches!(ungrouped(ty), Type::Never(_)) => Output::Never,
        ReturnType::Type(_, ty) => {
            let mut ty = ty.clone();
            EraseImplTrait.visit_type_mut(&mut ty);
            Output::Type(ty.into_token_stream())
        }
    }
}

/// See [`output`].
pub enum Output {
    Never,
    Type(TokenStream),
}

fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

struct EraseImplTrait;

impl VisitMut for EraseImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(_) = ty {
            *ty = Type::Infer(syn::TypeInfer { underscore_token: Default::default() });
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}
