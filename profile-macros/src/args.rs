//! The arguments of `#[profile_cost(..)]` as they are written. What they mean is `validate`'s business.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, Lit, LitInt, LitStr, Path, Result, Token};

/// A value with the place where its option's name stands.
pub struct Given<T> {
    pub at: Span,
    pub value: T,
}

/// Every option at most once; `None` where it was not given.
#[derive(Default)]
pub struct Args {
    pub skip: Option<Given<()>>,
    pub name: Option<Given<LitStr>>,
    pub report: Option<Given<()>>,
    pub report_over: Option<Given<LitStr>>,
    pub top: Option<Given<LitInt>>,
    pub sort: Option<Given<LitStr>>,
    pub log_target: Option<Given<LitStr>>,
    pub krate: Option<Given<Path>>,
}

const KNOWN: &str = "`name`, `report`, `report_over`, `top`, `sort`, `log_target`, `skip` and `crate`";

const NO_COMMA: &str = "expected `,` before the next option";

impl Args {
    /// Reads the options. Each mistake is reported on its own token, and the rest is still read.
    pub fn parse(tokens: TokenStream) -> (Self, Errors) {
        let mut args = Self::default();
        let mut errors = Errors::default();
        let parse_all = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = args.parse_one(input) {
                    errors.push(error);
                    skip_to_comma(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parse_all.parse2(tokens) {
            errors.push(error);
        }
        (args, errors)
    }

    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if let Ok(literal) = input.fork().parse::<Lit>() {
            return Err(Error::new(literal.span(), "give the name as `name = \"..\"`"));
        }
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format!("expected an option: {KNOWN}")));
        }
        let option = input.call(Ident::parse_any)?;
        match option.to_string().as_str() {
            "skip" => set(&mut self.skip, &option, flag(&option, input)?),
            "report" => set(&mut self.report, &option, flag(&option, input)?),
            "name" => set(&mut self.name, &option, string(&option, input, "\"db.load\"")?),
            "report_over" => set(&mut self.report_over, &option, string(&option, input, "\"200ms\"")?),
            "sort" => set(&mut self.sort, &option, string(&option, input, "\"tottime\"")?),
            "log_target" => set(&mut self.log_target, &option, string(&option, input, "\"profile\"")?),
            "top" => set(&mut self.top, &option, number(&option, input)?),
            "crate" => set(&mut self.krate, &option, path(&option, input)?),
            unknown => Err(Error::new(option.span(), format!("no option `{unknown}`: there are {KNOWN}"))),
        }
    }
}

/// Collects errors into the one that is returned.
#[derive(Default)]
pub struct Errors(Option<Error>);

impl Errors {
    pub fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn or<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

fn set<T>(slot: &mut Option<Given<T>>, option: &Ident, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(Error::new(option.span(), format!("`{option}` is given twice: leave one out")));
    }
    *slot = Some(Given { at: option.span(), value });
    Ok(())
}

fn flag(option: &Ident, input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    if input.peek(Ident::peek_any) {
        return Err(input.error(NO_COMMA));
    }
    Err(input.error(format!("`{option}` takes no value: write `{option}` alone")))
}

/// What stands after `option =`.
fn value<'a>(option: &Ident, input: ParseStream<'a>, example: &str) -> Result<ParseStream<'a>> {
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(option.span(), format!("`{option}` needs a value: `{option} = {example}`")));
    }
    if !input.peek(Token![=]) {
        return Err(input.error(format!("write `{option} = {example}`")));
    }
    let equals = input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(equals.span, format!("the value is missing: `{option} = {example}`")));
    }
    Ok(input)
}

fn string(option: &Ident, input: ParseStream<'_>, example: &str) -> Result<LitStr> {
    let input = value(option, input, example)?;
    let at = input.span();
    let found = input
        .parse()
        .map_err(|_| Error::new(at, format!("`{option}` wants a string literal: `{option} = {example}`")))?;
    end(input, found)
}

fn number(option: &Ident, input: ParseStream<'_>) -> Result<LitInt> {
    let input = value(option, input, "20")?;
    let at = input.span();
    let found =
        input.parse().map_err(|_| Error::new(at, format!("`{option}` wants a number: `{option} = 20`")))?;
    end(input, found)
}

fn path(option: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let input = value(option, input, "my_crate::profile_cost")?;
    if input.fork().parse::<Lit>().is_ok() {
        return Err(input.error("`crate` wants a path, without quotes: `crate = my_crate::profile_cost`"));
    }
    let found = input.call(Path::parse_mod_style)?;
    end(input, found)
}

fn end<T>(input: ParseStream<'_>, found: T) -> Result<T> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(found);
    }
    Err(input.error(NO_COMMA))
}

fn skip_to_comma(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
