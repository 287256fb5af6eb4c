//! The calls that one function gets, and where: the texts of this file are all that is ever spliced.

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{AttrStyle, Attribute, Block, Expr, File, Lit, Meta, ReturnType, Signature, Type};

use super::attributes;
use super::edits::Edits;
use super::futures;

/// Twice and more what programs need that stay below the compiler's 128.
const RECURSION_LIMIT: u32 = 512;

/// A name that no program has.
const SHARED_SITE: &str = "__profile_cost_site";

/// The function that calls are for.
pub(super) struct Site<'a> {
    /// How paths to the runtime begin.
    pub crate_path: &'a str,
    /// The function's own name.
    pub name: &'a str,
    /// Line of the name.
    pub line: usize,
    /// The file's name in reports, when it is not the compiler's.
    pub file: Option<&'a str>,
    /// It says `self` or `Self`.
    pub is_method: bool,
}

impl Site<'_> {
    fn arguments(&self) -> String {
        let namer = if self.is_method { "method" } else { "function" };
        let file = self.file.map(|file| format!(" {file:?}")).unwrap_or_default();
        format!("{namer} \"{}\" {}{file}", self.name, self.line)
    }

    fn enter(&self) -> String {
        format!(" {}::__enter!({});", self.crate_path, self.arguments())
    }

    fn make(&self) -> String {
        format!("{}::__site!({})", self.crate_path, self.arguments())
    }

    /// What stands before a future; after it comes `)`.
    fn instrument(&self, made: &str) -> String {
        format!("{}::private::instrument_at({made}, ", self.crate_path)
    }
}

/// A guard in front of a body, or a wrapper around a future: the body of an `async fn`, or the async blocks that
/// the function returns.
pub(super) fn insert(
    site: &Site<'_>,
    attrs: &[Attribute],
    sig: &Signature,
    body: &Block,
    source: &str,
    edits: &mut Edits,
) {
    let start = first_place(attrs, body);
    let end = body.brace_token.span.close().byte_range().start;
    if sig.asyncness.is_some() {
        let runtime = site.crate_path;
        let (output, before, after) = match output(sig, source) {
            Output::Never => (format!("{runtime}::private::Never"), "match ", " {}"),
            Output::Type(output) => (output, "", ""),
        };
        let open = site.instrument(&site.make());
        edits.insert(start, format!(" {before}{open}async move {{ {runtime}::__returns!({output});"));
        edits.insert(end, format!("}}).await{after} "));
        return;
    }
    let futures = futures::returned(body);
    let made = match futures.len() {
        0 => {
            edits.insert(start, site.enter());
            return;
        }
        1 => site.make(),
        // One site for all: two of one name and line would be taken for two functions.
        _ => {
            edits.insert(start, format!(" let {SHARED_SITE} = {};", site.make()));
            SHARED_SITE.to_owned()
        }
    };
    for future in futures {
        edits.insert(future.async_token.span.byte_range().start, site.instrument(&made));
        edits.insert(future.block.brace_token.span.close().byte_range().end, ")".to_owned());
    }
}

/// Where the first statement may stand: after the brace, and after inner attributes, which have to come first. Behind
/// a `//!` there is no place on its line.
fn first_place(attrs: &[Attribute], body: &Block) -> usize {
    let braces = body.brace_token.span;
    if !attrs.iter().any(|attribute| matches!(attribute.style, AttrStyle::Inner(_))) {
        return braces.open().byte_range().end;
    }
    let first = body.stmts.first().map_or(braces.close(), |statement| statement.span());
    first.byte_range().start
}

/// What the future's `return` gives.
enum Output {
    Never,
    Type(String),
}

/// The type as it stands there, on one line; `impl Trait` cannot be named in a body and becomes `_`.
fn output(sig: &Signature, source: &str) -> Output {
    let ReturnType::Type(_, ty) = &sig.output else { return Output::Type("()".to_owned()) };
    if matches!(ungrouped(ty), Type::Never(_)) {
        return Output::Never;
    }
    let whole = ty.span().byte_range();
    let mut erased = ImplTraits(Vec::new());
    erased.visit_type(ty);
    let mut text = source[whole.clone()].to_owned();
    for inner in erased.0.iter().rev() {
        text.replace_range(inner.start - whole.start..inner.end - whole.start, "_");
    }
    if text.contains(['\n', '\r']) || text.contains("//") {
        // Comments and line ends go.
        text = text.parse::<TokenStream>().map_or_else(|_| "_".to_owned(), |tokens| tokens.to_string());
    }
    if text.contains('\n') { Output::Type("_".to_owned()) } else { Output::Type(text) }
}

fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// The outermost ones' places, in order.
struct ImplTraits(Vec<std::ops::Range<usize>>);

impl<'a> Visit<'a> for ImplTraits {
    fn visit_type(&mut self, ty: &'a Type) {
        match ty {
            Type::ImplTrait(_) => self.0.push(ty.span().byte_range()),
            _ => visit::visit_type(self, ty),
        }
    }
}

/// Every wrapped future is one more type for the compiler to look through, when it asks whether a future is `Send`.
pub(super) fn raise_recursion_limit(file: &File, source: &str, edits: &mut Edits) {
    let is_limit = |meta: &&Meta| meta.path().is_ident("recursion_limit");
    let metas = attributes::metas(&file.attrs);
    let mut given = metas.iter().filter(is_limit).peekable();
    if given.peek().is_none() {
        // A `#!` line's end comes first.
        let at = if source.starts_with('\n') { 1 } else { 0 };
        edits.insert(at, format!("#![recursion_limit = \"{RECURSION_LIMIT}\"]"));
    }
    for meta in given {
        if let Meta::NameValue(pair) = meta
            && let Expr::Lit(value) = &pair.value
            && let Lit::Str(text) = &value.lit
            && text.value().trim().parse::<u32>().is_ok_and(|limit| limit < RECURSION_LIMIT)
        {
            edits.replace(text.span().byte_range(), format!("\"{RECURSION_LIMIT}\""));
        }
    }
}
