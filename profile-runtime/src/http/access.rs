//! Who may ask: the host that was asked for, the token, and which site's page a browser asks for.

use super::options::Options;
use super::page;
use super::request::Request;
use super::response::Refusal;

/// Refuses whoever may not ask, before anything else about the request is looked at.
pub(super) fn check(request: &Request<'_>, options: &Options) -> Result<(), Refusal> {
    check_host(request, options)?;
    if !page::is_asked_for(request) {
        check_token(request, options)?;
    }
    check_site(request)
}

fn check_host(request: &Request<'_>, options: &Options) -> Result<(), Refusal> {
    if options.token.is_some() && options.hosts.is_empty() {
        return Ok(());
    }
    let host = request.host.map_or("", name_of);
    let is_known = is_loopback(host) || options.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    is_known.then_some(()).ok_or_else(|| {
        Refusal::new(403, "this Host is not answered: ask for localhost, or name it in the options' `hosts`")
    })
}

/// A host without its port and brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(address, _)| address);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_token(request: &Request<'_>, options: &Options) -> Result<(), Refusal> {
    let Some(token) = &options.token else { return Ok(()) };
    let given = request.authorization.and_then(|value| {
        let (scheme, given) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
    });
    if equal_in_constant_time(given.unwrap_or_default().as_bytes(), token.as_bytes()) {
        return Ok(());
    }
    let refusal = Refusal::new(401, "send the token: `Authorization: Bearer TOKEN`");
    Err(refusal.with("www-authenticate", "Bearer".to_owned()))
}

/// Takes as long for a wrong token as for one that is nearly right; only its length can be told.
fn equal_in_constant_time(given: &[u8], right: &[u8]) -> bool {
    let mut difference = u8::from(given.len() != right.len() || right.is_empty());
    for (index, byte) in given.iter().enumerate() {
        difference |= byte ^ right.get(index).copied().unwrap_or(0);
        difference = std::hint::black_box(difference);
    }
    difference == 0
}

/// What changes something (and whatever else is asked by scripts) is refused when another site's page asks.
fn check_site(request: &Request<'_>) -> Result<(), Refusal> {
    if matches!(request.method, "GET" | "HEAD") {
        return Ok(());
    }
    let is_foreign = match (request.sec_fetch_site, request.origin) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let asked = origin.split_once("://").map(|(_, host)| host);
            asked.is_none() || asked != request.host
        }
        // Not a browser.
        (None, None) => false,
    };
    if is_foreign {
        return Err(Refusal::new(403, "another site's page may not change what is recorded"));
    }
    Ok(())
}
