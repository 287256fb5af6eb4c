//! The live page: a view of what is recorded, and the object it shows. The page itself holds nothing of the service, so that
//! it is given to whoever may reach it; whatever it asks for goes by the rules of every other request.

use std::sync::LazyLock;

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::request::Request;
use super::response::{JSON, Refusal, Response};
use super::work::{Reply, Work};
use crate::render::html::{Document, VIEW_SCRIPT, VIEW_STYLE, data};

/// Its paths below `/debug`. It works at both, below whatever prefix it is mounted: what it asks for it names relative to
/// itself.
pub(super) const PATHS: [&str; 2] = ["/profile-cost/", "/profile-cost"];

/// The page, the same for everybody.
static PAGE: LazyLock<Response> = LazyLock::new(|| {
    let document = document();
    let mut body = Vec::new();
    // NOTE: a Vec takes every write.
    let _ = document.write(&mut body, |_, _| Ok(()));
    let policy = format!(
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; {}",
        document.sources()
    );
    Response::new("text/html; charset=utf-8", body).with("content-security-policy", policy)
});

fn document() -> Document {
    let scripts = [
        VIEW_SCRIPT,
        include_str!("page/ask.js"),
        include_str!("page/answers.js"),
        include_str!("page/status.js"),
        include_str!("page/list.js"),
        include_str!("page/recordings.js"),
        include_str!("page/heap.js"),
        include_str!("page/inflight.js"),
        include_str!("page/tabs.js"),
        include_str!("page/refresh.js"),
        include_str!("page/page.js"),
    ];
    Document::new(include_str!("page/page.html"), &[VIEW_STYLE, include_str!("page/page.css")], &scripts)
}

/// Whether a request is for the page, which needs no token: it is where the token is typed in.
pub(super) fn is_asked_for(request: &Request<'_>) -> bool {
    let path = request.path.strip_prefix("/debug").unwrap_or(request.path);
    matches!(request.method, "GET" | "HEAD") && PATHS.contains(&path)
}

/// `/debug/profile-cost/`.
pub(super) fn page(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    Ok(Reply::Now(PAGE.clone()))
}

/// `page.json`: what the page shows of the calls recorded.
pub(super) fn data(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    Ok(Work::now(|| Response::written(JSON, |body| data::write(&crate::snapshot(), body))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_slot_once_and_stays_small() {
        let document = document();
        document.check(&["style", "view", "script"]);
        assert!(document.size() < 96 << 10, "{} bytes of script and style", document.size());
    }
}
