//! What there is: lists of the endpoints, made from the routes. Links are relative, so that they hold wherever it is mounted.

use std::fmt::Write as _;

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::pprof;
use super::response::{HTML, Refusal, Response, TEXT};
use super::route::{ROUTES, Route};
use super::work::Reply;

const PPROF: &str = "/pprof/";
const PROFILE_COST: &str = "/profile-cost/";

/// `/pprof/`, for a browser; with `debug=1` as text.
pub(super) fn pprof(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let routes = below(PPROF);
    if pprof::is_text(parameters)? {
        return Ok(Reply::Now(Response::new(TEXT, list(routes))));
    }
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>/debug/pprof/</title>\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n</head>\n<body>\n<h1>/debug/pprof/</h1>\n<table>\n",
    );
    for route in routes {
        let name = route.path.trim_start_matches(PPROF);
        // NOTE: nothing here comes from outside: routes are written in the source.
        let takes = route.parameters.join(", ");
        let _ = writeln!(
            page,
            "<tr><td><a href=\"{name}\">{name}</a></td><td>{}</td><td>{takes}</td></tr>",
            route.about
        );
    }
    page.push_str(
        "</table>\n<p><code>go tool pprof http://HOST/debug/pprof/profile?seconds=5</code></p>\n\
         <p><a href=\"../profile-cost/\">profile-cost</a></p>\n</body>\n</html>\n",
    );
    let page = Response::new(HTML, page);
    Ok(Reply::Now(page.with("content-security-policy", "default-src 'none'")))
}

/// `/pprof`: to where relative links hold.
pub(super) fn pprof_folder(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    let moved = Response::new(TEXT, "see pprof/\n").with("location", "pprof/");
    Ok(Reply::Now(Response { status: 301, ..moved }))
}

/// `/profile-cost/index`: all endpoints with their parameters.
pub(super) fn all(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    let text = format!("{}\n{}", list(below(PPROF)), list(below(PROFILE_COST)));
    Ok(Reply::Now(Response::new(TEXT, text)))
}

fn below(prefix: &str) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.path.len() > prefix.len() && route.path.starts_with(prefix))
}

/// Two lines an endpoint: how it is asked, what it answers.
fn list(routes: impl Iterator<Item = &'static Route>) -> String {
    let mut text = String::new();
    for Route { method, path, parameters, about, .. } in routes {
        let takes = parameters.iter().map(|name| format!("{name}=")).collect::<Vec<_>>().join("&");
        let mark = if takes.is_empty() { "" } else { "?" };
        let _ = writeln!(text, "{method:<4} /debug{path}{mark}{takes}\n         {about}");
    }
    text
}
