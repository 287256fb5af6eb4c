//! What a request is answered with, and the headers that every answer has.

use std::io;

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names, in lower case, and values: all that are needed except those of the connection and the length.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const SVG: &str = "image/svg+xml";
pub(super) const BINARY: &str = "application/octet-stream";

impl Response {
    /// 200, with the headers that no answer goes without: a browser must not guess another type, keep it, or run
    /// what stands in it.
    pub(super) fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
        ];
        Self { status: 200, headers, body: body.into() }
    }

    /// 200, with what `content` writes.
    pub(super) fn written(
        content_type: &str,
        content: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> Result<Self, Refusal> {
        let mut body = Vec::new();
        content(&mut body).map_err(|error| Refusal::new(500, error.to_string()))?;
        Ok(Self::new(content_type, body))
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Why a request is not answered with what it asks for; says what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
    header: Option<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    /// 400: a parameter that makes no sense.
    pub(super) fn parameter(name: &str, value: &str, remedy: &str) -> Self {
        Self::new(400, format!("{name}={value}: {remedy}"))
    }

    /// 429: to be asked again in so many seconds.
    pub(super) fn busy(message: &str, retry_after: u64) -> Self {
        Self::new(429, message).with("retry-after", retry_after.max(1).to_string())
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, message, header } = refusal;
        let mut response = Self::new(TEXT, message + "\n");
        response.status = status;
        response.headers.extend(header);
        // What stands in the message came from the one who asked.
        response.with("content-security-policy", "default-src 'none'")
    }
}
