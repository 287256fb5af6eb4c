//! Who may ask: the host that was asked for, the token, and which site's page a browser asks for.
//!
//! The host keeps out pages that had their own name point to this address (DNS rebinding); the token everybody who was
//! not given it; the site pages that have a browser ask for them, with whatever the browser knows.

use super::options::Options;
use super::page;
use super::request::Request;
use super::response::Refusal;

/// Refuses whoever may not ask, before anything else about the request is looked at: 403 for the wrong host, 401 without
/// the token, 403 for another site's page.
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
    let host = request.host.and_then(name_of).unwrap_or_default();
    let is_named = |known: &String| !host.is_empty() && without_dot(known).eq_ignore_ascii_case(host);
    (is_loopback(host) || options.hosts.iter().any(is_named)).then_some(()).ok_or_else(|| {
        Refusal::new(403, "this Host is not answered: ask for localhost, or name it in the options' `hosts`")
    })
}

/// A host without its port, brackets and the dot of a full name; `None` where it is followed by anything else. Any port
/// will do: whoever forwards one asks for theirs.
fn name_of(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, port)
        }
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            (without_dot(name), port)
        }
    };
    let is_port = |port: &str| port.len() <= 5 && port.parse::<u16>().is_ok() && !port.starts_with('+');
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn check_token(request: &Request<'_>, options: &Options) -> Result<(), Refusal> {
    let Some(token) = &options.token else { return Ok(()) };
    let given = request.authorization.and_then(given_token).unwrap_or_default();
    if equal_in_constant_time(&given, token.as_bytes()) {
        return Ok(());
    }
    let refusal = Refusal::new(
        401,
        "send the token: `Authorization: Bearer TOKEN`, or as the password of any user (http://:TOKEN@HOST/..)",
    );
    // Browsers ask for a password only by this scheme.
    Err(refusal.with("www-authenticate", "Basic realm=\"profile-cost\"".to_owned()))
}

/// The token of `Bearer TOKEN`, and that of `Basic`, as browsers and `go tool pprof` send a password.
fn given_token(value: &str) -> Option<Vec<u8>> {
    let (scheme, given) = value.split_once(' ')?;
    let given = given.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(given.as_bytes().to_vec());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| from_base64(given)).flatten()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// RFC 4648, with or without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(digits.len()), 0u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
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

/// Refuses what another site's page asks for: it changes what is recorded, or costs (a timed capture, by `<img>`), though
/// the page cannot read the answer. What a person opens by a link there are the pages, which cost nothing.
fn check_site(request: &Request<'_>) -> Result<(), Refusal> {
    let is_foreign = match (request.sec_fetch_site, request.origin) {
        // A browser's own word. `none`: typed, or a bookmark. Another port of this host is `same-site`: another service.
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        // `null` is a page that hides where it is from.
        (None, Some(origin)) => {
            let asked = origin.split_once("://").map(|(_, host)| host);
            !asked.zip(request.host).is_some_and(|(asked, host)| asked.eq_ignore_ascii_case(host))
        }
        // Not a browser, or an old one.
        (None, None) => false,
    };
    let reads = matches!(request.method, "GET" | "HEAD");
    let is_page = request.path.ends_with('/') || page::is_asked_for(request);
    let is_opened = reads && is_page && request.sec_fetch_dest == Some("document");
    if is_foreign && !is_opened {
        return Err(Refusal::new(403, "another site's page may not ask; open the address itself"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status that a request is refused with; 0 for none.
    fn status(request: &Request<'_>, token: Option<&str>, hosts: &[&str]) -> u16 {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let options = Options { token: token.map(str::to_owned), hosts, ..Options::default() };
        check(request, &options).map_or_else(|refusal| refusal.status, |()| 0)
    }

    fn asked(host: &str) -> Request<'_> {
        Request { method: "GET", path: "/debug/pprof/heap", host: Some(host), ..Request::default() }
    }

    #[test]
    fn hosts() {
        for (host, expected) in [
            ("localhost", 0),
            ("LocalHost:6600", 0),
            ("localhost.", 0),
            ("localhost.:1", 0),
            ("127.0.0.1:65535", 0),
            ("127.1.2.3", 0),
            ("[::1]", 0),
            ("[::1]:80", 0),
            ("[0:0:0:0:0:0:0:1]:80", 0),
            ("[::ffff:127.0.0.1]:80", 0),
            ("known.example:80", 0),
            ("KNOWN.example.", 0),
            ("", 403),
            (".", 403),
            (":80", 403),
            ("evil.example", 403),
            ("localhost.evil.example", 403),
            ("evil.localhost", 403),
            ("localhost..", 403),
            ("localhost:80@evil.example", 403),
            ("user@localhost", 403),
            ("localhost:", 403),
            ("localhost:+80", 403),
            ("localhost:65536", 403),
            ("localhost:80:80", 403),
            ("localhost/evil", 403),
            ("localhost ", 403),
            ("localhost,evil.example", 403),
            ("[::1]evil.example", 403),
            ("[::1].evil.example:80", 403),
            ("[::1", 403),
            ("::1", 403),
            ("[localhost]", 403),
            ("[127.0.0.1]", 403),
            ("[::1%lo]", 403),
            ("[::]", 403),
            ("0.0.0.0:6600", 403),
            ("127.1", 403),
            ("0x7f.0.0.1", 403),
            ("2130706433", 403),
            ("127.0.0.1.", 0),
            ("169.254.169.254", 403),
            ("known.example.evil", 403),
            ("xknown.example", 403),
            ("l\u{f6}calhost", 403),
        ] {
            assert_eq!(status(&asked(host), None, &["known.example"]), expected, "{host:?}");
            // With a token and no names any host will do; with names as well, theirs.
            let sent = Request { authorization: Some("Bearer t"), ..asked(host) };
            assert_eq!(status(&sent, Some("t"), &[]), 0, "{host:?}");
            assert_eq!(status(&sent, Some("t"), &["known.example."]), expected, "{host:?}");
        }
        assert_eq!(status(&Request { host: None, ..asked("") }, None, &[]), 403);
        assert_eq!(status(&Request { host: None, ..asked("") }, None, &[""]), 403);
        assert_eq!(status(&asked(""), None, &["", "."]), 403);
    }

    #[test]
    fn tokens() {
        for (sent, expected) in [
            (None, 401),
            (Some("Bearer s3cret"), 0),
            (Some("bearer  s3cret "), 0),
            (Some("Bearer s3cre"), 401),
            (Some("Bearer s3cret2"), 401),
            (Some("Bearer S3cret"), 401),
            (Some("Bearer s3cret,"), 401),
            (Some("Bearer"), 401),
            (Some("Bearer "), 401),
            (Some(""), 401),
            (Some("s3cret"), 401),
            (Some("Bearers3cret"), 401),
            (Some("Token s3cret"), 401),
            // `:s3cret`, `any:s3cret`, `s3cret:`, `s3cret`, `:`.
            (Some("Basic OnMzY3JldA=="), 0),
            (Some("basic YW55OnMzY3JldA"), 0),
            (Some("Basic czNjcmV0Og=="), 401),
            (Some("Basic czNjcmV0"), 401),
            (Some("Basic Og=="), 401),
            (Some("Basic s3cret"), 401),
            (Some("Basic \u{e9}"), 401),
        ] {
            let request = Request { authorization: sent, ..asked("anything") };
            assert_eq!(status(&request, Some("s3cret"), &[]), expected, "{sent:?}");
            // An empty token is nobody's.
            assert_eq!(status(&request, Some(""), &[]), 401, "{sent:?}");
            // Where none is asked for, one that is sent does not matter.
            assert_eq!(status(&Request { host: Some("localhost"), ..request }, None, &[]), 0, "{sent:?}");
        }
        // The host comes first: who has the wrong one is not told whether the token was right.
        let request = Request { authorization: Some("Bearer s3cret"), ..asked("evil.example") };
        assert_eq!(status(&request, Some("s3cret"), &["known.example"]), 403);
    }

    #[test]
    fn sites() {
        let (page, heap) = ("/debug/profile-cost/", "/debug/pprof/heap");
        for (method, path, site, origin, dest, expected) in [
            // No browser.
            ("GET", heap, None, None, None, 0),
            ("POST", heap, None, None, None, 0),
            // The page itself, typed addresses.
            ("POST", heap, Some("same-origin"), Some("http://localhost:1"), Some("empty"), 0),
            ("GET", heap, Some("same-origin"), None, Some("empty"), 0),
            ("GET", heap, Some("none"), None, Some("document"), 0),
            // Other sites, and other services of this host.
            ("POST", heap, Some("cross-site"), Some("http://evil.example"), Some("empty"), 403),
            ("POST", heap, Some("same-site"), Some("http://localhost:2"), Some("empty"), 403),
            ("POST", heap, Some("cross-site"), Some("http://localhost:1"), None, 403),
            ("POST", page, Some("cross-site"), Some("null"), Some("document"), 403),
            ("GET", heap, Some("cross-site"), None, Some("image"), 403),
            ("HEAD", heap, Some("cross-site"), None, Some("image"), 403),
            ("GET", heap, Some("same-site"), None, Some("script"), 403),
            ("GET", heap, Some("cross-site"), None, Some("document"), 403),
            ("GET", heap, Some(""), None, None, 403),
            ("GET", heap, Some("Same-Origin"), None, None, 403),
            ("OPTIONS", heap, Some("cross-site"), Some("http://evil.example"), None, 403),
            // A link to the page; no frame around it.
            ("GET", page, Some("cross-site"), None, Some("document"), 0),
            ("GET", page, Some("cross-site"), None, Some("iframe"), 403),
            ("GET", page, Some("cross-site"), None, None, 403),
            // Older browsers.
            ("POST", heap, None, Some("http://localhost:1"), None, 0),
            ("POST", heap, None, Some("http://LOCALHOST:1"), None, 0),
            ("POST", heap, None, Some("http://localhost:2"), None, 403),
            ("POST", heap, None, Some("http://localhost"), None, 403),
            ("POST", heap, None, Some("http://localhost:1.evil.example"), None, 403),
            ("POST", heap, None, Some("http://evil.example/http://localhost:1"), None, 403),
            ("POST", heap, None, Some("http://evil.example"), None, 403),
            ("GET", heap, None, Some("http://evil.example"), None, 403),
            ("POST", heap, None, Some("null"), None, 403),
            ("POST", heap, None, Some(""), None, 403),
        ] {
            let request = Request {
                path,
                method,
                sec_fetch_site: site,
                sec_fetch_dest: dest,
                origin,
                ..asked("localhost:1")
            };
            assert_eq!(status(&request, None, &[]), expected, "{request:?}");
            let known = Request { authorization: Some("Bearer t"), ..request };
            assert_eq!(status(&known, Some("t"), &[]), expected, "{request:?}");
        }
        // An origin is not compared with a host that is not there.
        let request =
            Request { host: None, origin: Some("http://a"), authorization: Some("Bearer t"), ..asked("") };
        assert_eq!(status(&request, Some("t"), &[]), 403);
    }
}
