//! The annotated item, read only as far as the expansion has to know it: bodies stay tokens, so that
//! what they hold need not be syntax that `syn` knows.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Ident, Result, Signature, Token, Visibility, braced};

/// What the attribute can stand on.
pub enum Item {
    Function(Box<Function>),
    Block(Block),
    /// Anything else. `kind` is the token that says what it is.
    Other {
        kind: Span,
        attrs: Vec<Attribute>,
        tokens: TokenStream,
    },
}

/// A function or method, with or without a body.
pub struct Function {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub defaultness: Option<Ident>,
    pub sig: Signature,
    pub body: Option<Body>,
    /// The body's brace, or the semicolon.
    pub end: Span,
}

/// The statements of a body and the span of its braces, which carries the user's edition.
pub struct Body {
    pub span: Span,
    pub statements: TokenStream,
}

/// An `impl`, a trait or an inline module.
pub struct Block {
    pub attrs: Vec<Attribute>,
    pub head: TokenStream,
    pub span: Span,
    pub inner_attrs: Vec<Attribute>,
    pub items: Vec<Item>,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let ahead = input.fork();
        let vis: Visibility = ahead.parse()?;
        let kind = ahead.span();
        let mut words = words(&ahead)?;
        words.retain(|w| w != "unsafe" && w != "default" && w != "safe" && w != "auto" && w != "pub");
        let is = |keyword: &str| words.first().is_some_and(|w| w == keyword);
        if words.last().is_some_and(|w| w == "fn") {
            input.advance_to(&ahead);
            return Function::parse(attrs, vis, input).map(|f| Self::Function(Box::new(f)));
        }
        if is("impl") || is("trait") || is("mod") {
            return Block::parse(attrs, input);
        }
        let tokens = other(input)?;
        Ok(Self::Other { kind, attrs, tokens })
    }
}

/// The keywords in front, up to and including the one that decides.
fn words(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let ahead = input.fork();
    let mut words = Vec::new();
    while ahead.peek(Ident::peek_any) {
        let word = ahead.call(Ident::parse_any)?;
        let prefix = ["unsafe", "default", "safe", "auto", "const", "async", "extern", "gen"];
        let ends = !prefix.contains(&word.to_string().as_str());
        if word == "extern" && ahead.peek(syn::LitStr) {
            ahead.parse::<syn::LitStr>()?;
        }
        words.push(word);
        if ends {
            break;
        }
    }
    Ok(words)
}

impl Function {
    fn parse(attrs: Vec<Attribute>, vis: Visibility, input: ParseStream<'_>) -> Result<Self> {
        let is_default = input.peek(Token![default]) && !input.peek2(Token![!]);
        let defaultness = if is_default { Some(input.call(Ident::parse_any)?) } else { None };
        for word in words(input)? {
            let why = match word.to_string().as_str() {
                "gen" => "a `gen fn` has no single call to time: measure the function that consumes it",
                "safe" => "there is no body to measure here: measure the functions that call it",
                _ => continue,
            };
            return Err(Error::new(word.span(), why));
        }
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let semi: Token![;] = input.parse()?;
            return Ok(Self { attrs, vis, defaultness, sig, body: None, end: semi.span });
        }
        // NOTE: `braced!` looks into the invisible group that a `$body:block` comes in.
        let content;
        let span = braced!(content in input).span;
        let body = Body { span: span.join(), statements: content.parse()? };
        Ok(Self { attrs, vis, defaultness, sig, end: span.open(), body: Some(body) })
    }

    /// The function as it was written, with `body` in place of its own.
    pub fn with_body(&self, body: Option<TokenStream>) -> TokenStream {
        let Self { attrs, vis, defaultness, sig, .. } = self;
        let mut tokens = TokenStream::new();
        attrs.iter().for_each(|a| a.to_tokens(&mut tokens));
        vis.to_tokens(&mut tokens);
        defaultness.to_tokens(&mut tokens);
        sig.to_tokens(&mut tokens);
        match body {
            Some(body) => body.to_tokens(&mut tokens),
            None => Token![;](self.end).to_tokens(&mut tokens),
        }
        tokens
    }
}

impl Body {
    /// Braces with the user's span around `statements`.
    pub fn around(&self, statements: TokenStream) -> TokenStream {
        in_braces(self.span, statements)
    }
}

impl Block {
    fn parse(attrs: Vec<Attribute>, input: ParseStream<'_>) -> Result<Item> {
        let mut head = TokenStream::new();
        let mut angles = Angles::default();
        let mut outside = true;
        while !(outside && input.peek(syn::token::Brace)) {
            if input.peek(Token![;]) {
                let semi: Token![;] = input.parse()?;
                return Err(Error::new(
                    semi.span,
                    "the module's text is in another file: put `#[profile_cost]` on the items there",
                ));
            }
            let token: TokenTree = input.parse()?;
            outside = angles.outside_after(&token);
            head.extend([token]);
        }
        let content;
        let span = braced!(content in input).span;
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(content.parse()?);
        }
        Ok(Item::Block(Self { attrs, head, span: span.join(), inner_attrs, items }))
    }

    /// The block as it was written, with `items` in place of its own.
    pub fn with_items(&self, items: TokenStream) -> TokenStream {
        let mut content = TokenStream::new();
        self.inner_attrs.iter().for_each(|a| a.to_tokens(&mut content));
        content.extend(items);
        let mut tokens = TokenStream::new();
        self.attrs.iter().for_each(|a| a.to_tokens(&mut tokens));
        tokens.extend(self.head.clone());
        tokens.extend(in_braces(self.span, content));
        tokens
    }
}

/// An item that is passed on: up to its semicolon, or to its braces where these are its last token.
fn other(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    let mut to_semicolon = input.peek(Token![use]);
    let mut angles = Angles::default();
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let outside = !to_semicolon && angles.outside_after(&token);
        let ends = match &token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => true,
            TokenTree::Punct(punct) => {
                to_semicolon |= outside && punct.as_char() == '=';
                false
            }
            TokenTree::Group(group) => outside && group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        tokens.extend([token]);
        if ends {
            break;
        }
    }
    Ok(tokens)
}

/// Tells the braces of `Matrix<{ N }>` from those of a body.
#[derive(Default)]
struct Angles {
    open: usize,
    before: char,
}

impl Angles {
    fn outside_after(&mut self, token: &TokenTree) -> bool {
        let now = if let TokenTree::Punct(punct) = token { punct.as_char() } else { ' ' };
        match now {
            '<' => self.open += 1,
            '>' if self.before != '-' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.before = now;
        self.open == 0
    }
}

fn in_braces(span: Span, content: TokenStream) -> TokenStream {
    let mut group = Group::new(Delimiter::Brace, content);
    group.set_span(span);
    TokenTree::Group(group).into()
}
