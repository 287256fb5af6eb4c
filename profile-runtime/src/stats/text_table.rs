//! A table of right-aligned numbers with a name at the end of each line.

use std::io::{self, Write};

use crate::units::{right, width};

/// The head of a column. Neighbours of one group share its title above theirs.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) group: &'static str,
}

/// Lines of cells; columns are as wide as their widest cell.
pub(super) struct Table {
    columns: Vec<Column>,
    /// Cells and name; a line without cells is a gap.
    lines: Vec<(Vec<String>, String)>,
}

impl Table {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self { columns, lines: Vec::new() }
    }

    pub(super) fn line(&mut self, cells: Vec<String>, name: String) {
        self.lines.push((cells, name));
    }

    /// An empty line, but for one at the top.
    pub(super) fn gap(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push((Vec::new(), String::new()));
        }
    }

    pub(super) fn write(&self, name_title: &str, out: &mut dyn Write) -> io::Result<()> {
        let cell_width = |i: usize| {
            let cells = self.lines.iter().filter_map(|(cells, _)| cells.get(i)).map(|cell| width(cell));
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(i, c)| cell_width(i).max(width(c.title))).collect();
        self.write_groups(&widths, out)?;
        let titles: Vec<&str> = self.columns.iter().map(|c| c.title).collect();
        write_line(&titles, &widths, name_title, out)?;
        for (cells, name) in &self.lines {
            if cells.is_empty() {
                writeln!(out)?;
            } else {
                write_line(cells, &widths, name, out)?;
            }
        }
        Ok(())
    }

    /// The line above the titles: `--- elapsed ---` over the columns of a group.
    fn write_groups(&self, widths: &[usize], out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        let mut i = 0;
        while let Some(column) = self.columns.get(i) {
            let count = self.columns[i..].iter().take_while(|c| c.group == column.group).count();
            let columns: usize = widths[i..i + count].iter().map(|w| w + 2).sum();
            let (group, sign) = (column.group, if column.group.is_empty() { ' ' } else { '-' });
            let title = if group.is_empty() { String::new() } else { format!(" {group} ") };
            let dashes = (columns - 2).saturating_sub(title.len());
            line.push_str("  ");
            line.extend(std::iter::repeat_n(sign, dashes / 2));
            line.push_str(&title);
            line.extend(std::iter::repeat_n(sign, dashes - dashes / 2));
            i += count;
        }
        let line = line.trim_end();
        if line.is_empty() { Ok(()) } else { writeln!(out, "{line}") }
    }
}

fn write_line(
    cells: &[impl AsRef<str>],
    widths: &[usize],
    name: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (cell, width) in cells.iter().zip(widths) {
        write!(out, "  {}", right(cell.as_ref(), *width))?;
    }
    writeln!(out, "  {name}")
}
