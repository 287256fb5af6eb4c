//! Splices calls of the runtime into the text of one source file. Text in, text out: nothing is read or written.
//!
//! Everything that is not spliced stays as it was, byte for byte, and no line is added: what the compiler and
//! panics say of files and lines stays true. Only columns on the line of a body's opening brace shift.

mod attributes;
mod calls;
mod edits;
mod futures;
mod names;
mod sizes;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Signature, Visibility};

use attributes::Marked;
use edits::Edits;
pub(super) use edits::start_of_items;
use sizes::Sizes;

/// What is to be spliced into which functions.
pub(crate) struct Options<'a> {
    /// The file belongs to a crate of edition 2015, where paths to other crates begin otherwise.
    pub edition_2015: bool,
    /// What the file is called in reports; `None`: as the compiler calls it.
    pub file: Option<&'a str>,
    /// Bodies of fewer tokens, without a loop or an `.await`, are left alone. 0: none are.
    pub min_size: usize,
    /// Asked for each function by its name, with its type if that is known: `Orders::load`.
    pub wanted: &'a dyn Fn(&str) -> bool,
    /// Lines of the names of functions that are not to be touched.
    pub left_out: &'a BTreeSet<usize>,
    /// The file is the root of a crate: its recursion limit is raised, for wrapped futures nest types deeper.
    pub is_root: bool,
}

/// A source file with calls in it, and what they are for.
#[derive(Debug)]
pub(crate) struct Spliced {
    pub text: String,
    /// What is counted, in the order of the text.
    pub functions: Vec<Function>,
    /// What has a body and is not counted, in the order of the text.
    pub skipped: Vec<Skipped>,
    /// Functions that stand within macro calls, or in syntax not known here, and were not looked at.
    pub in_macros: usize,
}

/// A function that is counted.
#[derive(Debug)]
pub(crate) struct Function {
    pub name: String,
    /// Line of its name, from 1.
    pub line: usize,
    /// Lines of the whole item, attributes and body: where a compiler's error about it can be.
    pub lines: RangeInclusive<usize>,
}

/// A function that is not counted.
#[derive(Debug)]
pub(crate) struct Skipped {
    pub name: String,
    /// Line of its name, from 1.
    pub line: usize,
    pub why: Why,
}

/// Why a function is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// `const fn`: may run in the compiler, where there is no clock.
    Const,
    Naked,
    Variadic,
    /// Of an `impl GlobalAlloc`.
    Allocator,
    /// Called by the compiler, in its own process.
    ProcMacroEntry,
    /// Of panics, or of failed allocations.
    PanicHandler,
    /// `#[profile_cost]` stands on it, or around it: counted by that.
    Annotated,
    /// `#[profile_cost(skip)]`
    MarkedSkip,
    /// Lines in [`Options::left_out`].
    LeftOut,
    /// By [`Options::wanted`].
    NotWanted,
    /// By [`Options::min_size`].
    Small,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Const => "const fn",
            Why::Naked => "naked",
            Why::Variadic => "variadic",
            Why::Allocator => "allocator",
            Why::ProcMacroEntry => "proc macro entry",
            Why::PanicHandler => "panic handler",
            Why::Annotated => "annotated already",
            Why::MarkedSkip => "marked skip",
            Why::LeftOut => "left out",
            Why::NotWanted => "not wanted",
            Why::Small => "small",
        })
    }
}

/// Splices calls into `source`.
///
/// Nested expressions take stack: texts that machines wrote may need more than a thread has by default.
///
/// # Errors
/// When the text is not a file of items, or holds syntax that `syn` does not know. The error's span holds until
/// the next call on this thread.
pub(crate) fn splice(source: &str, options: &Options<'_>) -> Result<Spliced, syn::Error> {
    // Else spans of all files of the thread would be kept.
    proc_macro2::extra::invalidate_current_thread_spans();
    let base = edits::start_of_items(source);
    let tokens: TokenStream = source[base..].parse()?;
    let file: syn::File = syn::parse2(tokens.clone())?;
    let mut splicer = Splicer {
        source: &source[base..],
        options,
        sizes: Sizes::of(tokens),
        edits: Edits::default(),
        functions: Vec::new(),
        skipped: Vec::new(),
        in_macros: 0,
        owner: None,
        marked: None,
        in_allocator: false,
    };
    if options.is_root {
        calls::raise_recursion_limit(&file, splicer.source, &mut splicer.edits);
    }
    splicer.marked = attributes::marked(&file.attrs);
    splicer.visit_file(&file);
    let Splicer { edits, functions, skipped, in_macros, .. } = splicer;
    Ok(Spliced { text: edits.apply(source, base), functions, skipped, in_macros })
}

struct Splicer<'a> {
    /// The text from where offsets count.
    source: &'a str,
    options: &'a Options<'a>,
    sizes: Sizes,
    edits: Edits,
    functions: Vec<Function>,
    skipped: Vec<Skipped>,
    in_macros: usize,
    /// The type or trait around: `Orders`, `<Orders as Store>`.
    owner: Option<String>,
    /// By the nearest `#[profile_cost]` around.
    marked: Option<Marked>,
    in_allocator: bool,
}

impl Splicer<'_> {
    fn function(&mut self, attrs: &[Attribute], vis: Option<&Visibility>, sig: &Signature, block: &Block) {
        let own = sig.ident.unraw().to_string();
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{own}"),
            None => own.clone(),
        };
        let line = sig.ident.span().start().line;
        let marked = attributes::marked(attrs).or(self.marked);
        if let Some(why) = self.refused(attrs, sig, block, &name, line, marked) {
            self.skipped.push(Skipped { name, line, why });
        } else {
            let crate_path = if self.options.edition_2015 { "__profile_cost" } else { "::__profile_cost" };
            let is_method = names::mentions_self(sig);
            let site = calls::Site { crate_path, name: &own, line, file: self.options.file, is_method };
            calls::insert(&site, attrs, sig, block, self.source, &mut self.edits);
            let last = block.brace_token.span.close().end().line;
            let first = first_token(attrs, vis, sig).start().line;
            self.functions.push(Function { name, line, lines: first..=last });
        }
        // What stands in a body is not the attribute's business, unless all of it is to be left alone.
        let marked = marked.filter(|m| *m == Marked::Skip);
        self.within(None, marked, false, |this| visit::visit_block(this, block));
    }

    fn refused(
        &self,
        attrs: &[Attribute],
        sig: &Signature,
        block: &Block,
        name: &str,
        line: usize,
        marked: Option<Marked>,
    ) -> Option<Why> {
        if sig.constness.is_some() {
            return Some(Why::Const);
        }
        if sig.variadic.is_some() {
            return Some(Why::Variadic);
        }
        if let Some(why) = attributes::refused(attrs) {
            return Some(why);
        }
        if self.in_allocator {
            return Some(Why::Allocator);
        }
        match marked {
            Some(Marked::Measured) => return Some(Why::Annotated),
            Some(Marked::Skip) => return Some(Why::MarkedSkip),
            None => {}
        }
        if self.options.left_out.contains(&line) {
            return Some(Why::LeftOut);
        }
        if !(self.options.wanted)(name) {
            return Some(Why::NotWanted);
        }
        // Called once each, and the report begins with them.
        let is_entry = name == "main" || attributes::is_entry(attrs);
        let is_small = self.sizes.is_small(block, self.options.min_size);
        (is_small && !is_entry && !futures::awaits(sig, block)).then_some(Why::Small)
    }

    fn within(
        &mut self,
        owner: Option<String>,
        marked: Option<Marked>,
        in_allocator: bool,
        visit: impl FnOnce(&mut Self),
    ) {
        let around = (self.owner.take(), self.marked, self.in_allocator);
        (self.owner, self.marked, self.in_allocator) = (owner, marked, in_allocator);
        visit(self);
        (self.owner, self.marked, self.in_allocator) = around;
    }

    fn unseen(&mut self, tokens: &TokenStream) {
        self.in_macros += count_functions(tokens.clone());
    }
}

impl<'a> Visit<'a> for Splicer<'_> {
    fn visit_item_fn(&mut self, f: &'a syn::ItemFn) {
        self.function(&f.attrs, Some(&f.vis), &f.sig, &f.block);
    }

    fn visit_impl_item_fn(&mut self, f: &'a syn::ImplItemFn) {
        self.function(&f.attrs, Some(&f.vis), &f.sig, &f.block);
    }

    fn visit_trait_item_fn(&mut self, f: &'a syn::TraitItemFn) {
        if let Some(block) = &f.default {
            self.function(&f.attrs, None, &f.sig, block);
        }
    }

    fn visit_item_impl(&mut self, i: &'a syn::ItemImpl) {
        let marked = attributes::marked(&i.attrs).or(self.marked);
        let is_allocator = names::trait_of(i).is_some_and(|name| name == "GlobalAlloc");
        let owner = Some(names::owner(i));
        self.within(owner, marked, is_allocator, |this| visit::visit_item_impl(this, i));
    }

    fn visit_item_trait(&mut self, i: &'a syn::ItemTrait) {
        let marked = attributes::marked(&i.attrs).or(self.marked);
        let owner = Some(i.ident.unraw().to_string());
        self.within(owner, marked, false, |this| visit::visit_item_trait(this, i));
    }

    fn visit_item_mod(&mut self, i: &'a syn::ItemMod) {
        let marked = attributes::marked(&i.attrs).or(self.marked);
        self.within(None, marked, false, |this| visit::visit_item_mod(this, i));
    }

    fn visit_item_macro(&mut self, i: &'a syn::ItemMacro) {
        // How often the functions of a `macro_rules!` are there, nobody knows here.
        if i.ident.is_none() {
            self.visit_macro(&i.mac);
        }
    }

    fn visit_macro(&mut self, m: &'a syn::Macro) {
        self.unseen(&m.tokens);
    }

    fn visit_token_stream(&mut self, tokens: &'a TokenStream) {
        // What syn keeps as it stands, since it does not know it.
        self.unseen(tokens);
    }

    fn visit_attribute(&mut self, _: &'a Attribute) {}
}

/// Functions with names, that is without types such as `fn(u8)`.
fn count_functions(tokens: TokenStream) -> usize {
    let mut count = 0;
    let mut after_fn = false;
    for token in tokens {
        let is_fn = match token {
            TokenTree::Ident(ident) => {
                count += usize::from(after_fn);
                ident == "fn"
            }
            TokenTree::Group(group) => {
                count += count_functions(group.stream());
                false
            }
            _ => false,
        };
        after_fn = is_fn;
    }
    count
}

fn first_token(attrs: &[Attribute], vis: Option<&Visibility>, sig: &Signature) -> Span {
    if let Some(attribute) = attrs.first()
        && matches!(attribute.style, syn::AttrStyle::Outer)
    {
        return attribute.pound_token.span;
    }
    match vis {
        Some(Visibility::Public(public)) => public.span,
        Some(Visibility::Restricted(restricted)) => restricted.pub_token.span,
        _ => {
            let qualifiers = [sig.asyncness.map(|t| t.span), sig.unsafety.map(|t| t.span)];
            let abi = sig.abi.as_ref().map(|abi| abi.extern_token.span);
            qualifiers.into_iter().flatten().chain(abi).next().unwrap_or(sig.fn_token.span)
        }
    }
}

#[cfg(test)]
mod compiled;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod tests;
