//! The labels of a report, each held once: tables refer to them by index.

use std::collections::HashMap;

use crate::profile::Label;

/// Index of a label in its [`Labels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LabelId(u32);

#[derive(Clone, Debug)]
struct Entry {
    label: Label,
    /// `file:line(name)`, as pstats prints and sorts it.
    standard: String,
    /// Code points of `standard`: what Python calls its length.
    length: usize,
}

/// Interned labels, with the text that pstats makes of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    entries: Vec<Entry>,
    ids: HashMap<Label, LabelId>,
}

impl Labels {
    /// Finds or adds a label.
    pub(super) fn intern(&mut self, label: &Label) -> LabelId {
        if let Some(&id) = self.ids.get(label) {
            return id;
        }
        let id = LabelId(self.entries.len() as u32);
        let standard = standard_name(label);
        let length = standard.chars().count();
        self.entries.push(Entry { label: label.clone(), standard, length });
        self.ids.insert(label.clone(), id);
        id
    }

    pub(super) fn find(&self, label: &Label) -> Option<LabelId> {
        self.ids.get(label).copied()
    }

    pub(super) fn label(&self, id: LabelId) -> &Label {
        &self.entries[id.0 as usize].label
    }

    pub(super) fn standard(&self, id: LabelId) -> &str {
        &self.entries[id.0 as usize].standard
    }

    /// The printed names of all labels.
    pub(super) fn standards(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.standard.as_str())
    }

    pub(super) fn length(&self, id: LabelId) -> usize {
        self.entries[id.0 as usize].length
    }
}

/// pstats' `func_std_string`: `file:line(name)`, and `{name}` for what has no source.
pub(super) fn standard_name(label: &Label) -> String {
    let Label { file, line, name } = label;
    if file != "~" || *line != 0 {
        return format!("{file}:{line}({name})");
    }
    // NOTE: Python slices `name[1:-1]`, which leaves nothing of the name "<>".
    match name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) => format!("{{{inner}}}"),
        None => name.clone(),
    }
}

/// The label without the directories of its file (POSIX `basename`).
pub(super) fn without_directories(label: &Label) -> Label {
    let base = label.file.rsplit('/').next().unwrap_or_default();
    Label::new(base, label.line, label.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_names_are_those_of_pstats() {
        assert_eq!(standard_name(&Label::new("/a/b.rs", 3, "f")), "/a/b.rs:3(f)");
        assert_eq!(standard_name(&Label::new("~", 0, "<built-in>")), "{built-in}");
        assert_eq!(standard_name(&Label::new("~", 0, "<>")), "{}");
        assert_eq!(standard_name(&Label::new("~", 0, "<half")), "<half");
        assert_eq!(standard_name(&Label::new("~", 1, "<x>")), "~:1(<x>)");
    }

    #[test]
    fn only_slashes_separate_directories() {
        let base = |file: &str| without_directories(&Label::new(file, 1, "f")).file;
        assert_eq!(base("/srv/src/main.rs"), "main.rs");
        assert_eq!(base("main.rs"), "main.rs");
        assert_eq!(base("C:\\win\\main.rs"), "C:\\win\\main.rs");
        assert_eq!(base("dir/"), "");
    }
}
