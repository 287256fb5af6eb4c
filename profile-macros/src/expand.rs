//! What the attribute becomes: a `Site` and one call in front of a body, or one call around a future.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, Error, Expr, FnArg, Meta, Result};

use crate::args::Errors;
use crate::async_kind::{self, Output};
use crate::item::{Block, Body, Function, Item};
use crate::validate::{self, Settings};

/// Expands the attribute. After a mistake the item is still there, as it was written.
pub fn attribute(args: TokenStream, tokens: TokenStream) -> TokenStream {
    let settings = Settings::parse(args);
    let mut errors = Errors::default();
    let settings = settings.unwrap_or_else(|error| {
        errors.push(error);
        Settings { skip: true, ..Settings::default() }
    });
    let item = match syn::parse2::<Item>(tokens.clone()) {
        Ok(item) => expand(item, &settings, Position::Annotated, &mut errors),
        Err(error) => {
            errors.push(error);
            tokens
        }
    };
    let errors = errors.or(()).map_or_else(Error::into_compile_error, |()| TokenStream::new());
    quote!(#errors #item)
}

/// Whether the attribute stands on the item itself, or on the block around it.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    Annotated,
    Inside,
}

fn expand(item: Item, settings: &Settings, position: Position, errors: &mut Errors) -> TokenStream {
    match item {
        Item::Function(function) => one_function(*function, settings, position, errors),
        Item::Block(block) => whole_block(block, settings, position, errors),
        Item::Other { kind, mut attrs, tokens } => {
            if position == Position::Annotated {
                errors.push(Error::new(
                    kind,
                    "there is nothing to time here: put `#[profile_cost]` on a `fn`, an `impl`, a `trait` or a `mod { .. }`",
                ));
            } else if let Own::Settings { at, settings } = own_settings(&mut attrs, errors)
                && !settings.skip
            {
                errors.push(Error::new(at, "there is nothing to time here: remove this `#[profile_cost]`"));
            }
            quote!(#(#attrs)* #tokens)
        }
    }
}

fn one_function(
    mut function: Function,
    settings: &Settings,
    position: Position,
    errors: &mut Errors,
) -> TokenStream {
    let settings = match (own_settings(&mut function.attrs, errors), position) {
        (Own::Mistaken, _) => return function.unchanged(),
        (Own::None, Position::Annotated) => settings.clone(),
        (Own::None, Position::Inside) => {
            // Whoever measures a whole block did not ask for this one.
            if settings.skip || validate::measurable(&function).is_err() {
                return function.unchanged();
            }
            settings.clone()
        }
        (Own::Settings { at, .. }, Position::Annotated) if !settings.skip => {
            errors.push(Error::new(at, "`#[profile_cost]` is here twice: remove one"));
            return function.unchanged();
        }
        (Own::Settings { settings: own, .. }, _) => own.within(settings),
    };
    if settings.skip {
        return function.unchanged();
    }
    if let Err(error) = validate::measurable(&function) {
        errors.push(error);
        return function.unchanged();
    }
    measured(function, &settings)
}

fn whole_block(
    mut block: Block,
    settings: &Settings,
    position: Position,
    errors: &mut Errors,
) -> TokenStream {
    let mut settings = settings.clone();
    match own_settings(&mut block.attrs, errors) {
        Own::None => {}
        Own::Settings { settings: own, .. } if position == Position::Inside => {
            settings = own.within(&settings)
        }
        Own::Settings { at, .. } => {
            errors.push(Error::new(at, "`#[profile_cost]` is here twice: remove one"))
        }
        Own::Mistaken => settings.skip = true,
    }
    if let Some(name) = settings.name.take() {
        errors.push(Error::new(
            name.span(),
            "`name` names one function: put `#[profile_cost(name = \"..\")]` on that function",
        ));
    }
    let mut items = std::mem::take(&mut block.items);
    if settings.skip {
        // What is annotated by itself inside a block that is left out is still measured.
        let inside = Settings { skip: true, krate: settings.krate.clone(), ..Settings::default() };
        let items = items.drain(..).map(|item| expand(item, &inside, Position::Inside, errors)).collect();
        return block.with_items(items);
    }
    let items = items.drain(..).map(|item| expand(item, &settings, Position::Inside, errors)).collect();
    block.with_items(items)
}

/// The item's own `#[profile_cost]`, when the attribute on the block around it comes first.
enum Own {
    None,
    Settings { at: Span, settings: Settings },
    Mistaken,
}

/// Takes the item's own attributes off it.
fn own_settings(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Own {
    let is_own = |a: &mut Attribute| a.path().segments.last().is_some_and(|s| s.ident == "profile_cost");
    let mut own = Own::None;
    for attribute in attrs.extract_if(.., is_own) {
        let at = attribute.path().segments[0].ident.span();
        let read = match &attribute.meta {
            _ if !matches!(own, Own::None) => {
                Err(Error::new(at, "`#[profile_cost]` is here twice: remove one"))
            }
            Meta::Path(_) => Ok(Settings::default()),
            Meta::List(list) => Settings::parse(list.tokens.clone()),
            Meta::NameValue(pair) => Err(Error::new(
                pair.eq_token.span,
                "options stand in parentheses: `#[profile_cost(name = \"..\")]`",
            )),
        };
        own = match read {
            Ok(settings) => Own::Settings { at, settings },
            Err(error) => {
                errors.push(error);
                Own::Mistaken
            }
        };
    }
    own
}

impl Function {
    fn unchanged(&self) -> TokenStream {
        self.with_body(self.body.as_ref().map(|body| body.around(body.statements.clone())))
    }
}

fn measured(mut function: Function, settings: &Settings) -> TokenStream {
    let Some(mut body) = function.body.take() else { return function.unchanged() };
    let emit = Emit::new(&function, settings);
    let inner_attrs = take_inner_attributes(&mut body).unwrap_or_default();
    let statements = if function.sig.asyncness.is_some() {
        let moves = async_kind::move_arguments(&mut function.sig);
        emit.future_of(&body, &moves, async_kind::output(&function.sig))
    } else {
        let returns_futures = async_kind::wrap_returned_futures(&mut body, |future| emit.future(future));
        let call = if returns_futures { emit.site() } else { emit.enter() };
        let (items, statements) = async_kind::leading_items(&body);
        quote!(#items #call #statements)
    };
    function.with_body(Some(body.around(quote!(#(#inner_attrs)* #statements))))
}

fn take_inner_attributes(body: &mut Body) -> Result<Vec<Attribute>> {
    let split = |input: syn::parse::ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_inner)?;
        Ok((attrs, input.parse::<TokenStream>()?))
    };
    let (attrs, rest) = syn::parse::Parser::parse2(split, body.statements.clone())?;
    body.statements = rest;
    Ok(attrs)
}

/// Writes the calls for one function.
struct Emit {
    /// `::profile_cost::private`
    private: TokenStream,
    /// The statics, and a function whose type's name tells where the measured one stands. That function
    /// is an item and no closure: a closure's type would carry the generic arguments of the first call.
    items: TokenStream,
    namer: TokenStream,
    reports: bool,
}

impl Emit {
    fn new(function: &Function, settings: &Settings) -> Self {
        // PERF, lints: tokens that come from the macro, so that user lints do not look at them.
        let mixed = Span::mixed_site();
        let ident = &function.sig.ident;
        let krate = settings
            .krate
            .as_ref()
            .map_or_else(|| quote_spanned!(mixed=> ::profile_cost), |path| quote!(#path));
        let private = quote_spanned!(mixed=> #krate::private);
        let name = settings.name.as_ref().map_or_else(|| ident.unraw().to_string(), syn::LitStr::value);
        let exact = settings.name.is_some();
        // The line of the `fn`, and not that of the attribute.
        let here = mixed.located_at(ident.span());
        let (file, line) =
            (quote_spanned!(ident.span()=> ::core::file!()), quote_spanned!(ident.span()=> ::core::line!()));
        let namer = if mentions_self(function) {
            quote_spanned!(mixed=> method)
        } else {
            quote_spanned!(mixed=> function)
        };
        let report = settings.report.as_ref().map(|report| {
            let validate::Report { over_ns, top, sort, log_target } = report;
            let log_target =
                log_target.as_ref().map_or_else(|| quote!("profile_cost"), ToTokens::to_token_stream);
            quote_spanned! {mixed=>
                static REPORT: #private::Report = #private::Report {
                    over_ns: #over_ns, top: #top, sort: #sort, log_target: #log_target,
                };
            }
        });
        let items = quote_spanned! {here=>
            static SITE: #private::Site = #private::Site::new(#name, #file, #line, #exact);
            #report
            fn #namer() {}
        };
        Self { private, items, namer, reports: report.is_some() }
    }

    fn enter(&self) -> TokenStream {
        let Self { private, items, namer, reports } = self;
        if *reports {
            return quote_spanned! {Span::mixed_site()=>
                let _guard = { #items #private::enter_report(&SITE, #namer, &REPORT) };
            };
        }
        // PERF: entered where it stays; see the runtime's `Guard::enter`.
        quote_spanned! {Span::mixed_site()=>
            let mut guard = #private::Guard::new();
            { #items #private::Guard::enter(&mut guard, &SITE, #namer); }
        }
    }

    /// Stands once in front of all that [`Emit::instrument`] makes: two statics would be two functions. The items are
    /// in a block of their own, where no code of the user's sees their names.
    fn site(&self) -> TokenStream {
        let Self { items, namer, reports, .. } = self;
        let report = reports.then(|| quote_spanned!(Span::mixed_site()=> , &REPORT));
        quote_spanned!(Span::mixed_site()=> let site = { #items (&SITE, #namer #report) };)
    }

    fn instrument(&self, future: &TokenStream) -> TokenStream {
        let Self { private, reports, .. } = self;
        if *reports {
            quote_spanned!(Span::mixed_site()=> #private::instrument_report(site.0, site.1, site.2, #future))
        } else {
            quote_spanned!(Span::mixed_site()=> #private::instrument(site.0, site.1, #future))
        }
    }

    /// An async block of the user's.
    fn future(&self, future: &Expr) -> TokenStream {
        self.instrument(&future.to_token_stream())
    }

    /// The body of an `async fn`.
    fn future_of(&self, body: &Body, moves: &TokenStream, output: Output) -> TokenStream {
        let private = &self.private;
        let mixed = Span::mixed_site();
        let (output, never) = match output {
            Output::Never => (quote_spanned!(mixed=> ::core::convert::Infallible), true),
            Output::Type(output) => (output, false),
        };
        // Tells the compiler what `return` and `?` return before it reads the body.
        let return_edge = quote_spanned!(mixed=> if false { return #private::returns::<#output>(); });
        let (items, user) = async_kind::leading_items(body);
        // An arm is where temporaries end: up to edition 2021 those of the last expression would else outlive the
        // arguments, which they may borrow. A `let` would do as well, and be unreachable behind what never returns.
        let user = body.around(user);
        let user = quote_spanned!(mixed=> match () { () => #user });
        let block = body.around(quote!(#items #moves #return_edge #user));
        let site = self.site();
        let future = self.instrument(&quote_spanned!(mixed=> async move #block));
        if never {
            quote_spanned!(mixed=> #site match #future.await {})
        } else {
            quote_spanned!(mixed=> #site #future.await)
        }
    }
}

/// A function that says `self` or `Self` stands in an `impl` or a trait; of others it is not known.
fn mentions_self(function: &Function) -> bool {
    fn any_self(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == "Self" || ident == "self",
            proc_macro2::TokenTree::Group(group) => any_self(group.stream()),
            _ => false,
        })
    }
    let receiver = function.sig.inputs.iter().any(|a| matches!(a, FnArg::Receiver(_)));
    receiver || any_self(function.sig.to_token_stream())
}
