//! A request, reduced to what an answer can depend on.

/// The parts of an HTTP request that an answer depends on. Bodies are not among them: parameters are in the query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// `GET`, `POST`, ..., as sent.
    pub method: &'a str,
    /// The target's path, still percent-encoded, with or without the `/debug` it may have been mounted below.
    pub path: &'a str,
    /// The target's query without its `?`, still percent-encoded; empty when there is none.
    pub query: &'a str,
    /// The header `Host`, or the target's authority where that was given (HTTP/2's `:authority`).
    pub host: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The header `Origin`: the site that a browser asks for.
    pub origin: Option<&'a str>,
    /// The header `Sec-Fetch-Site`: how that site stands to this one.
    pub sec_fetch_site: Option<&'a str>,
    /// The header `Sec-Fetch-Dest`: what it wants the answer for; `document` is a page that a person opens.
    pub sec_fetch_dest: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A request for a target as it stands in a request line: path and query.
    ///
    /// `header` finds a header's value by its lower-case name; one that is there twice or is not text is not found.
    pub fn new(method: &'a str, target: &'a str, header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path,
            query,
            host: header("host"),
            authorization: header("authorization"),
            origin: header("origin"),
            sec_fetch_site: header("sec-fetch-site"),
            sec_fetch_dest: header("sec-fetch-dest"),
        }
    }
}
