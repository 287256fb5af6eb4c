//! A table of right-aligned numbers with a name at the end of each line.

use std::borrow::Cow;
use std::io::{self, Write};

use super::look::{Look, shortened};
use crate::units::{right, width};

/// Columns that names get before numbers do, if they need them.
const NAME_COLUMNS: usize = 24;

/// The head of a column. Neighbours of one group share its title above theirs.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) group: &'static str,
    /// The higher, the sooner it is left out where the terminal is narrow; 0 stays.
    pub(crate) rank: u8,
}

/// What a number is said to be by its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tint {
    #[default]
    Plain,
    Worse,
    Better,
}

/// One number of a line.
pub(crate) struct Cell {
    text: String,
    tint: Tint,
}

impl Cell {
    pub(crate) fn new(text: String, tint: Tint) -> Self {
        Self { text, tint }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Tint::Plain)
    }
}

/// Lines of cells; columns are as wide as their widest cell.
pub(crate) struct Table {
    columns: Vec<Column>,
    /// Cells and name; a line without cells is a gap.
    lines: Vec<(Vec<Cell>, String)>,
    look: Look,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>, look: Look) -> Self {
        Self { columns, lines: Vec::new(), look }
    }

    pub(crate) fn line(&mut self, cells: Vec<Cell>, name: String) {
        self.lines.push((cells, name));
    }

    /// An empty line, but for one at the top.
    pub(crate) fn gap(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push((Vec::new(), String::new()));
        }
    }

    /// Leaves out the columns for which there is no room; returns them.
    pub(crate) fn fit(&mut self) -> Vec<Column> {
        let Some(limit) = self.look.width else { return Vec::new() };
        let longest = self.lines.iter().map(|(_, name)| width(name)).max().unwrap_or(0);
        let name = longest.min(NAME_COLUMNS.max(limit / 3));
        let mut left_out = Vec::new();
        while numbers(&self.widths()) + 2 + name > limit {
            let ranks = self.columns.iter().enumerate().map(|(i, column)| (column.rank, i));
            let Some((_, least)) = ranks.filter(|(rank, _)| *rank > 0).max() else { break };
            left_out.push(self.columns.remove(least));
            for (cells, _) in &mut self.lines {
                if least < cells.len() {
                    cells.remove(least);
                }
            }
        }
        left_out
    }

    fn widths(&self) -> Vec<usize> {
        let cell_width = |i: usize| {
            let cells = self.lines.iter().filter_map(|(cells, _)| cells.get(i)).map(|cell| width(&cell.text));
            cells.max().unwrap_or(0)
        };
        let mut widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(i, c)| cell_width(i).max(width(c.title))).collect();
        // The title of a group of few narrow columns.
        for (first, count) in self.groups() {
            let group = self.columns[first].group;
            let there: usize = widths[first..first + count].iter().map(|w| w + 2).sum();
            if !group.is_empty() {
                widths[first] += (group.len() + 4).saturating_sub(there);
            }
        }
        widths
    }

    /// First column and number of columns of each run of one group.
    fn groups(&self) -> Vec<(usize, usize)> {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            match groups.last_mut() {
                Some((first, count)) if self.columns[*first].group == column.group => *count += 1,
                _ => groups.push((i, 1)),
            }
        }
        groups
    }

    pub(crate) fn write(&self, name_title: &str, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths();
        self.write_groups(&widths, out)?;
        let mut titles = String::new();
        for (column, width) in self.columns.iter().zip(&widths) {
            titles += &format!("  {}", right(column.title, *width));
        }
        let room = self.look.width.map(|limit| limit.saturating_sub(numbers(&widths) + 2));
        let name_of = |name| room.map_or(Cow::Borrowed(name), |room| Cow::Owned(shortened(name, room)));
        self.write_bold(&format!("{titles}  {}", name_of(name_title)), out)?;
        for (cells, name) in &self.lines {
            for (cell, columns) in cells.iter().zip(&widths) {
                let (before, after) = match cell.tint {
                    Tint::Worse if self.look.color => ("\u{1b}[31m", "\u{1b}[0m"),
                    Tint::Better if self.look.color => ("\u{1b}[32m", "\u{1b}[0m"),
                    _ => ("", ""),
                };
                let space = columns.saturating_sub(width(&cell.text));
                write!(out, "  {before}{:space$}{}{after}", "", cell.text)?;
            }
            if cells.is_empty() { writeln!(out)? } else { writeln!(out, "  {}", name_of(name))? }
        }
        Ok(())
    }

    /// The line above the titles: `--- elapsed ---` over the columns of a group.
    fn write_groups(&self, widths: &[usize], out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for (first, count) in self.groups() {
            let group = self.columns[first].group;
            let columns: usize = widths[first..first + count].iter().map(|w| w + 2).sum();
            let sign = if group.is_empty() { ' ' } else { '-' };
            let title = if group.is_empty() { String::new() } else { format!(" {group} ") };
            let dashes = (columns - 2).saturating_sub(title.len());
            line.push_str("  ");
            line.extend(std::iter::repeat_n(sign, dashes / 2));
            line.push_str(&title);
            line.extend(std::iter::repeat_n(sign, dashes - dashes / 2));
        }
        let line = line.trim_end();
        if line.is_empty() { Ok(()) } else { self.write_bold(line, out) }
    }

    fn write_bold(&self, line: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.look.color { writeln!(out, "\u{1b}[1m{line}\u{1b}[0m") } else { writeln!(out, "{line}") }
    }
}

/// Columns that the numbers take with what is between them.
fn numbers(widths: &[usize]) -> usize {
    widths.iter().map(|w| w + 2).sum()
}
