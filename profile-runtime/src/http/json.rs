//! JSON as it is written: objects in objects and lists, a comma where one is due, names escaped.

use std::fmt::{Display, Write as _};

use crate::render::json_text::Quoted;

/// What has been written of one object.
#[derive(Debug)]
pub(super) struct Json(String);

impl Json {
    /// A whole answer: one object, and the end of its line.
    pub(super) fn object(content: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut json = Self(String::with_capacity(4096));
        json.braces(content);
        json.0.push('\n');
        json.0.into_bytes()
    }

    /// A number, true or false.
    pub(super) fn field(&mut self, key: &'static str, value: impl Display) {
        self.key(key);
        // NOTE: a string takes whatever is written to it.
        let _ = write!(self.0, "{value}");
    }

    /// That, or `null`.
    pub(super) fn optional(&mut self, key: &'static str, value: Option<impl Display>) {
        match value {
            Some(value) => self.field(key, value),
            None => self.field(key, "null"),
        }
    }

    /// Text.
    pub(super) fn text(&mut self, key: &'static str, text: &str) {
        self.field(key, Quoted(text));
    }

    /// Text, or `null`.
    pub(super) fn optional_text(&mut self, key: &'static str, text: Option<&str>) {
        self.optional(key, text.map(Quoted));
    }

    /// An object within.
    pub(super) fn within(&mut self, key: &'static str, content: impl FnOnce(&mut Self)) {
        self.key(key);
        self.braces(content);
    }

    /// A list of objects, one a line.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        self.key(key);
        self.0.push('[');
        for item in items {
            self.comma();
            self.0.push('\n');
            self.braces(|json| each(json, item));
        }
        self.0.push(']');
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str, texts: impl IntoIterator<Item = impl AsRef<str>>) {
        self.key(key);
        self.0.push('[');
        for text in texts {
            self.comma();
            let _ = write!(self.0, "{}", Quoted(text.as_ref()));
        }
        self.0.push(']');
    }

    fn braces(&mut self, content: impl FnOnce(&mut Self)) {
        self.0.push('{');
        content(self);
        self.0.push('}');
    }

    fn key(&mut self, key: &'static str) {
        self.comma();
        let _ = write!(self.0, "\"{key}\":");
    }

    /// Texts end with a quote, so that a bracket at the end is JSON's own.
    fn comma(&mut self) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_names() {
        let json = Json::object(|json| {
            json.field("a", 1);
            json.text("b", "{[\"<");
            json.optional("c", None::<u64>);
            json.within("d", |json| json.texts("e", ["x[", "y{"]));
            json.list("f", [1, 2], |json, n| json.field("g", n));
            json.list("h", [0; 0], |_, _| {});
        });
        let text = String::from_utf8(json).unwrap();
        assert_eq!(
            text.replace('\n', ""),
            r#"{"a":1,"b":"{[\"\u003c","c":null,"d":{"e":["x[","y{"]},"f":[{"g":1},{"g":2}],"h":[]}"#
        );
    }
}
