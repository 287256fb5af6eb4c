//! One self-contained page: table, callers and callees, flamegraph. It asks nothing of any network.
//!
//! The view is in `html/*.{html,css,js}`; it gets one JSON object and can be given the next one at any time.

mod data;
mod sha256;

use std::io::{self, BufWriter, Write};

use crate::profile::Profile;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
/// One script, so that its parts see each other's names; in the order of use.
const SCRIPT: &str = concat!(
    include_str!("html/units.js"),
    include_str!("html/model.js"),
    include_str!("html/layout.js"),
    include_str!("html/flame.js"),
    include_str!("html/table.js"),
    include_str!("html/detail.js"),
    include_str!("html/page.js"),
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
        let (style, script) = (dense(STYLE), dense(SCRIPT));
        let mut out = BufWriter::with_capacity(1 << 16, writer);
        let mut rest = PAGE;
        while let Some((before, after)) = rest.split_once("{{") {
            let (slot, after) = after.split_once("}}").unwrap_or((after, ""));
            out.write_all(before.as_bytes())?;
            match slot {
                "policy" => write!(
                    out,
                    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'; \
                     script-src 'sha256-{}'",
                    sha256::base64(style.as_bytes()),
                    sha256::base64(script.as_bytes())
                )?,
                "style" => out.write_all(style.as_bytes())?,
                "data" => data::write(self, &mut out)?,
                "script" => out.write_all(script.as_bytes())?,
                _ => {}
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())?;
        out.flush()
    }
}

/// Without indentation and whole lines of comment: every page carries it. No string of ours spans lines.
fn dense(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::with_capacity(source.len()), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_slot_once_and_stays_small() {
        for slot in ["{{policy}}", "{{style}}", "{{data}}", "{{script}}"] {
            assert_eq!(PAGE.matches(slot).count(), 1, "{slot}");
        }
        assert_eq!(PAGE.matches("{{").count(), 4);
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--") && !STYLE.contains("</style"));
        let size = dense(SCRIPT).len() + dense(STYLE).len();
        assert!(size < 40 << 10, "{size} bytes of script and style");
    }
}
