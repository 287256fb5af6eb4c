//! A self-contained page: a template whose slots are filled, and a policy that names its style and script by hash.

use std::io::{self, Write};

use super::sha256;

/// What a page is made of. Every slot of the template, `{{name}}`, is filled once.
pub(crate) struct Document {
    template: &'static str,
    style: String,
    script: String,
}

impl Document {
    pub(crate) fn new(template: &'static str, styles: &[&str], scripts: &[&str]) -> Self {
        // One script, so that its parts see each other's names; in the order of use.
        Self { template, style: dense(styles), script: dense(scripts) }
    }

    /// The policy's sources of style and script: this page's own and no others.
    pub(crate) fn sources(&self) -> String {
        let [style, script] = [&self.style, &self.script].map(|text| sha256::base64(text.as_bytes()));
        format!("style-src 'sha256-{style}'; script-src 'sha256-{script}'")
    }

    /// Writes the page. `fill` writes what goes into a slot other than `style`, `script` and `view`.
    pub(crate) fn write<W: Write>(
        &self,
        out: &mut W,
        mut fill: impl FnMut(&str, &mut W) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut rest = self.template;
        while let Some((before, after)) = rest.split_once("{{") {
            out.write_all(before.as_bytes())?;
            let (slot, after) = after.split_once("}}").unwrap_or((after, ""));
            match slot {
                "style" => out.write_all(self.style.as_bytes())?,
                "script" => out.write_all(self.script.as_bytes())?,
                "view" => out.write_all(super::VIEW.as_bytes())?,
                _ => fill(slot, out)?,
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }

    /// Bytes of style and script.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.style.len() + self.script.len()
    }

    /// Panics where the page could not be what it is meant to be.
    #[cfg(test)]
    pub(crate) fn check(&self, slots: &[&str]) {
        for slot in slots {
            assert_eq!(self.template.matches(&format!("{{{{{slot}}}}}")).count(), 1, "{slot}");
        }
        assert_eq!(self.template.matches("{{").count(), slots.len());
        assert!(!self.script.contains("</script") && !self.script.contains("<!--"));
        assert!(!self.style.contains("</style"));
    }
}

/// Without indentation and whole lines of comment: every page carries it. No string of ours spans lines.
fn dense(sources: &[&str]) -> String {
    let lines = sources.iter().flat_map(|source| source.lines()).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::new(), |text, line| text + line + "\n")
}
