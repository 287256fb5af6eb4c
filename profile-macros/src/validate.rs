//! Turns written arguments into settings, and says what cannot be measured. Every refusal names the remedy.

use proc_macro2::{Span, TokenStream};
use syn::{Error, LitStr, Path, Result};

use crate::args::{Args, Errors, Given};
use crate::item::Function;

/// Arguments that make sense.
#[derive(Clone, Default)]
pub struct Settings {
    pub skip: bool,
    pub name: Option<LitStr>,
    pub report: Option<Report>,
    /// What stands for `::profile_cost`.
    pub krate: Option<Path>,
}

/// What the static `Report` is filled with.
#[derive(Clone)]
pub struct Report {
    pub over_ns: u64,
    pub top: u32,
    pub sort: &'static str,
    pub log_target: Option<LitStr>,
}

impl Settings {
    /// Reads the options of one attribute; the error holds all mistakes in them.
    pub fn parse(tokens: TokenStream) -> Result<Self> {
        let (args, mut errors) = Args::parse(tokens);
        let Args { skip, name, report, report_over, top, sort, log_target, krate } = args;
        if !errors.is_empty() {
            // What could not be read may be what the others need: only their values are looked at.
        } else if skip.is_some() {
            let others = [at(&name), at(&report), at(&report_over), at(&top), at(&sort), at(&log_target)];
            for other in others.into_iter().flatten() {
                errors
                    .push(Error::new(other, "`skip` leaves the item out: this option has nothing to act on"));
            }
        } else if report.is_none() && report_over.is_none() {
            for (option, at) in [("top", at(&top)), ("sort", at(&sort)), ("log_target", at(&log_target))] {
                if let Some(at) = at {
                    errors.push(Error::new(
                        at,
                        format!("`{option}` shapes a report: add `report` or `report_over = \"200ms\"`"),
                    ));
                }
            }
        }
        if let Some(name) = &name
            && (name.value.value().trim().is_empty() || name.value.value().contains(char::is_control))
        {
            errors.push(Error::new(
                name.value.span(),
                "a name is text on one line: write it as in `name = \"db.load\"`",
            ));
        }
        let reports = report.is_some() || report_over.is_some();
        let over_ns = keep(&mut errors, report_over.map(|g| duration(&g.value)), 0);
        let top = keep(&mut errors, top.map(|g| rows(&g.value)), 20);
        let sort = keep(&mut errors, sort.map(|g| sort_key(&g.value)), "cumulative");
        let log_target = log_target.map(|g| g.value);
        errors.or(Self {
            skip: skip.is_some(),
            name: name.map(|g| g.value),
            report: reports.then_some(Report { over_ns, top, sort, log_target }),
            krate: krate.map(|g| g.value),
        })
    }

    /// For an item inside: its own options, and from outside what it leaves open.
    pub fn within(self, outer: &Self) -> Self {
        Self {
            report: self.report.or_else(|| outer.report.clone()),
            krate: self.krate.or_else(|| outer.krate.clone()),
            ..self
        }
    }
}

fn at<T>(option: &Option<Given<T>>) -> Option<Span> {
    option.as_ref().map(|g| g.at)
}

fn keep<T>(errors: &mut Errors, value: Option<Result<T>>, default: T) -> T {
    match value {
        Some(Ok(value)) => value,
        Some(Err(error)) => {
            errors.push(error);
            default
        }
        None => default,
    }
}

fn rows(top: &syn::LitInt) -> Result<u32> {
    match top.base10_parse::<u32>() {
        Ok(rows) if rows > 0 && top.suffix().is_empty() => Ok(rows),
        _ => Err(Error::new(top.span(), "`top` is how many rows to print: write a number from 1")),
    }
}

/// Nanoseconds of `"1.5ms"`, without a detour over floats.
fn duration(text: &LitStr) -> Result<u64> {
    let refuse = |why: &str| Error::new(text.span(), format!("{why}: write it as in \"200ms\" or \"1.5s\""));
    let value = text.value();
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let unit_ns: u128 = match unit.trim() {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "" => return Err(refuse("the unit is missing (ns, us, ms, s or m)")),
        other => return Err(refuse(&format!("`{other}` is no unit (ns, us, ms, s or m are)"))),
    };
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return Err(refuse("the number is missing"));
    }
    let part = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>() };
    let too_long = |_| refuse("that is too long");
    let scale = 10_u128.checked_pow(fraction.len() as u32).filter(|_| fraction.len() <= 15);
    let scale = scale.ok_or_else(|| refuse("that is too precise"))?;
    let whole = part(whole).map_err(too_long)?;
    let fraction = part(fraction).map_err(too_long)?;
    let ns = whole.checked_mul(unit_ns).and_then(|ns| ns.checked_add(fraction * unit_ns / scale));
    ns.and_then(|ns| u64::try_from(ns).ok()).ok_or_else(|| refuse("that is too long"))
}

/// In the order of Python's `Stats.sort_arg_dict_default`, on which the prefixes depend.
const SORT_KEYS: [&str; 13] = [
    "calls",
    "ncalls",
    "cumtime",
    "cumulative",
    "filename",
    "line",
    "module",
    "name",
    "nfl",
    "pcalls",
    "stdname",
    "time",
    "tottime",
];

/// What pstats has no key for; the runtime's `SortKey` knows them by the same words.
const HEAP_SORT_KEYS: [&str; 6] = ["allocs", "cumallocs", "cumheap", "cumlive", "heap", "live"];

fn sort_key(text: &LitStr) -> Result<&'static str> {
    let value = text.value();
    let of_heap = || HEAP_SORT_KEYS.into_iter().find(|key| *key == value);
    resolve_sort_key(&value).or_else(of_heap).ok_or_else(|| {
        let why = if SORT_KEYS.iter().filter(|key| key.starts_with(&value)).count() > 1 {
            "stands for more than one sort key"
        } else {
            "is no sort key"
        };
        let keys = [&SORT_KEYS[..], &HEAP_SORT_KEYS].concat().join(", ");
        Error::new(text.span(), format!("`{value}` {why}: take one of {keys}"))
    })
}

/// As pstats resolves prefixes: each key claims its own, longest first, up to the first one already
/// claimed, which then belongs to nobody.
fn resolve_sort_key(text: &str) -> Option<&'static str> {
    let mut claimed: Vec<(&str, Option<&'static str>)> = Vec::new();
    for key in SORT_KEYS {
        for end in (1..=key.len()).rev() {
            if let Some(taken) = claimed.iter_mut().find(|(prefix, _)| *prefix == &key[..end]) {
                taken.1 = None;
                break;
            }
            claimed.push((&key[..end], Some(key)));
        }
    }
    claimed.into_iter().find(|(prefix, _)| *prefix == text).and_then(|(_, key)| key)
}

/// Refuses what has no body that runs under a clock.
pub fn measurable(function: &Function) -> Result<()> {
    if let Some(token) = &function.sig.constness {
        return Err(Error::new(
            token.span,
            "a `const fn` may run in the compiler, where there is no clock: make it a plain `fn`, or measure its callers",
        ));
    }
    if let Some(naked) = function.attrs.iter().find_map(naked) {
        return Err(Error::new(naked, "a naked function has no room for a measurement: measure its callers"));
    }
    if function.body.is_none() {
        return Err(Error::new(
            function.end,
            "there is no body to measure here: put `#[profile_cost]` where the function is implemented",
        ));
    }
    Ok(())
}

/// Where `naked` stands in `#[naked]` or `#[unsafe(naked)]`.
fn naked(attribute: &syn::Attribute) -> Option<Span> {
    let path = if attribute.path().is_ident("unsafe") {
        &attribute.parse_args::<Path>().ok()?
    } else {
        attribute.path()
    };
    path.get_ident().filter(|word| *word == "naked").map(syn::Ident::span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> Option<u64> {
        duration(&LitStr::new(text, Span::call_site())).ok()
    }

    #[test]
    fn durations_are_exact() {
        assert_eq!(ns("200ms"), Some(200_000_000));
        assert_eq!(ns("1.5s"), Some(1_500_000_000));
        assert_eq!(ns("0.1us"), Some(100));
        assert_eq!(ns(".5 µs"), Some(500));
        assert_eq!(ns("7ns"), Some(7));
        assert_eq!(ns("2m"), Some(120_000_000_000));
        assert_eq!(ns("10_000us"), Some(10_000_000));
        assert_eq!(ns("0.3s"), Some(300_000_000));
        for wrong in ["", "ms", "200", "1.2.3s", "-1s", "1e3s", "1h", "99999999999999999999s", "20000000000s"]
        {
            assert_eq!(ns(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sort_keys_are_those_of_pstats() {
        for key in SORT_KEYS {
            assert_eq!(resolve_sort_key(key), Some(key));
        }
        // What Python's get_sort_arg_defs says, quirks included.
        let python = [
            ("ca", "calls"),
            ("nc", "ncalls"),
            ("cumt", "cumtime"),
            ("cu", "cumtime"),
            ("cumu", "cumulative"),
            ("file", "filename"),
            ("f", "filename"),
            ("l", "line"),
            ("m", "module"),
            ("na", "name"),
            ("nf", "nfl"),
            ("p", "pcalls"),
            ("s", "stdname"),
            ("st", "stdname"),
            ("ti", "time"),
            ("to", "tottime"),
        ];
        for (prefix, key) in python {
            assert_eq!(resolve_sort_key(prefix), Some(key), "{prefix}");
        }
        for wrong in ["c", "cum", "n", "t", "", "total", "Calls", "callss"] {
            assert_eq!(resolve_sort_key(wrong), None, "{wrong}");
        }
    }
}
