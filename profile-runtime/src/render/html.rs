//! One self-contained page: table, callers and callees, flamegraph. It asks nothing of any network.
//!
//! The view is in `html/*.{html,css,js}`; it gets one JSON object and can be given the next one at any time. The live page
//! of `http` shows the same view.

pub(crate) mod data;
mod document;
mod sha256;

use std::io::{self, BufWriter, Write};

pub(crate) use self::document::Document;
use crate::profile::Profile;

/// The view's elements, for the slot `view`.
const VIEW: &str = include_str!("html/view.html");
/// The view's style.
pub(crate) const VIEW_STYLE: &str = include_str!("html/view.css");
/// The view's script: `render(data)` shows an object of [`data::write`].
pub(crate) const VIEW_SCRIPT: &str = concat!(
    include_str!("html/units.js"),
    include_str!("html/model.js"),
    include_str!("html/layout.js"),
    include_str!("html/flame.js"),
    include_str!("html/rows.js"),
    include_str!("html/table.js"),
    include_str!("html/detail.js"),
    include_str!("html/view.js"),
);

impl Profile {
    /// Writes one page for a browser: the report's table, sortable and searchable, callers and callees of the
    /// function that is clicked, and a flamegraph with search and zoom, by time, calls and memory.
    ///
    /// It holds all it needs and makes no request; its policy forbids the browser to make one, and to run any
    /// script but its own. Times are in nanoseconds, at most three decimals. Counts from 2^53 on are shown
    /// rounded, as numbers of a browser are.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_html<W: Write>(&self, writer: W) -> io::Result<()> {
        write(self, "", writer)
    }
}

/// Writes the page, with a text before all else; none for an empty one.
pub(crate) fn write<W: Write>(profile: &Profile, preface: &str, writer: W) -> io::Result<()> {
    let report = report();
    let mut out = BufWriter::with_capacity(1 << 16, writer);
    report.write(&mut out, |slot, out| match slot {
        "policy" => {
            let sources = report.sources();
            write!(out, "default-src 'none'; base-uri 'none'; form-action 'none'; {sources}")
        }
        "preface" if !preface.is_empty() => {
            let text = preface.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            // A line feed right after the tag is not shown.
            writeln!(out, "<pre id=\"preface\">\n{text}</pre>")
        }
        "data" => data::write(profile, out),
        _ => Ok(()),
    })?;
    out.flush()
}

fn report() -> Document {
    let template = include_str!("html/report.html");
    Document::new(template, &[VIEW_STYLE], &[VIEW_SCRIPT, include_str!("html/report.js")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_slot_once_and_stays_small() {
        let report = report();
        report.check(&["policy", "style", "preface", "view", "data", "script"]);
        assert!(report.size() < 48 << 10, "{} bytes of script and style", report.size());
        assert!(!VIEW.contains("{{"));
    }
}
