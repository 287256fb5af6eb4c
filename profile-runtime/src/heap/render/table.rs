//! Tables of a report: numbers to the right, then one column of names that is cut where the line would get too long.

use std::io::{self, Write};

use crate::render::names::printable;
use crate::stats::look::shortened;
use crate::units::{right, width};

/// Widest line, columns of a terminal.
pub(super) const WIDTH: usize = 120;

/// A table whose last column is text.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<(Vec<String>, String, Option<String>)>,
}

impl Table {
    /// The heads of all columns, that of the text last.
    pub(super) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// A number for each column but the last, what they belong to, and a line below, if any.
    pub(super) fn row(&mut self, numbers: Vec<String>, name: &str, below: Option<String>) {
        let name = printable(name);
        let name = if name.trim().is_empty() { "(unnamed)".to_owned() } else { name };
        self.rows.push((numbers, name, below));
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some((text_head, heads)) = self.heads.split_last() else { return Ok(()) };
        let columns: Vec<usize> = (heads.iter().enumerate())
            .map(|(i, head)| {
                let cells = self.rows.iter().filter_map(|(numbers, ..)| numbers.get(i));
                cells.map(|cell| width(cell)).chain([width(head)]).max().unwrap_or(0)
            })
            .collect();
        let indent: usize = columns.iter().map(|columns| columns + 2).sum::<usize>() + 2;
        let mut line = String::new();
        for (head, columns) in heads.iter().zip(&columns) {
            line.push_str("  ");
            line.push_str(&right(head, *columns));
        }
        writeln!(out, "{line}  {text_head}")?;
        for (numbers, name, below) in &self.rows {
            line.clear();
            for (number, columns) in numbers.iter().zip(&columns) {
                line.push_str("  ");
                line.push_str(&right(number, *columns));
            }
            writeln!(out, "{line}  {}", shortened(name, WIDTH.saturating_sub(indent)))?;
            if let Some(below) = below {
                let below = printable(below.trim());
                writeln!(
                    out,
                    "{}{}",
                    " ".repeat(indent + 2),
                    shortened(&below, WIDTH.saturating_sub(indent + 2))
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_lines_are_no_wider_than_they_may_be() {
        let mut table = Table::new(&["live", "blocks", "line"]);
        table.row(
            vec!["1.5 KiB".to_owned(), "3".to_owned()],
            &"x".repeat(300),
            Some("  let a = 1;".to_owned()),
        );
        table.row(vec!["9 B".to_owned(), "12,000".to_owned()], "a\nb", None);
        let mut out = Vec::new();
        table.write(&mut out).expect("a vector takes all");
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(lines[0], "     live  blocks  line");
        assert_eq!(width(lines[1]), WIDTH, "{text}");
        assert_eq!(lines[2], "                     let a = 1;");
        assert_eq!(lines[3], "      9 B  12,000  a b");
    }
}
