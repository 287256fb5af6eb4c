//! Which line of source an address belongs to, by the line table of one unit.

use std::ops::Range;

use gimli::{Dwarf, LineRow, Unit};

use super::symbols::Slice;

/// A line of the table: file as an index in it, line from 1, or 0 where the compiler gave none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) file: u64,
    pub(crate) line: u32,
}

/// What the table says of one address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) row: Option<Row>,
    /// Where that has no line: the places before it that have one, nearest first.
    pub(crate) before: Vec<(u64, Row)>,
}

/// How many of them are kept.
const BEFORE: usize = 16;

/// The rows that hold those addresses, which are sorted. Of a table that is broken, what stands before the fault.
pub(crate) fn find(unit: &Unit<Slice<'_>>, code: &[Range<u64>], addresses: &[u64]) -> Vec<Found> {
    let mut found = vec![Found::default(); addresses.len()];
    let Some(program) = unit.line_program.clone() else { return found };
    let mut rows = program.rows();
    // Of the sequence that is being read: the row before, and whether it is of code that the linker kept.
    let mut last: Option<LineRow> = None;
    let mut kept = true;
    let mut recent = Recent::default();
    while let Ok(Some((_, row))) = rows.next_row() {
        if last.is_none() {
            kept = code.iter().any(|range| range.contains(&row.address()));
            recent = Recent::default();
        }
        // Of several rows at one address the last one holds.
        if let Some(last) = last.filter(|last| kept && last.address() < row.address()) {
            let place = Row { file: last.file_index(), line: line_of(&last) };
            let first = addresses.partition_point(|&address| address < last.address());
            for (&address, found) in addresses[first..].iter().zip(&mut found[first..]) {
                if address >= row.address() {
                    break;
                }
                if found.row.is_none() {
                    found.row = Some(place);
                    found.before = if place.line == 0 { recent.nearest_first() } else { Vec::new() };
                }
            }
            if place.line > 0 {
                recent.push(last.address(), place);
            }
        }
        last = (!row.end_sequence()).then_some(*row);
    }
    found
}

fn line_of(row: &LineRow) -> u32 {
    row.line().map_or(0, |line| u32::try_from(line.get()).unwrap_or(0))
}

/// The last places of a sequence that have a line.
#[derive(Default)]
struct Recent {
    places: [(u64, Row); BEFORE],
    pushed: usize,
}

impl Recent {
    fn push(&mut self, address: u64, row: Row) {
        self.places[self.pushed % BEFORE] = (address, row);
        self.pushed += 1;
    }

    fn nearest_first(&self) -> Vec<(u64, Row)> {
        let kept = self.pushed.min(BEFORE);
        (1..=kept).map(|back| self.places[(self.pushed - back) % BEFORE]).collect()
    }
}

/// The path of a file of the table: as the compiler was given it, within the directory that it ran in.
pub(crate) fn path(dwarf: &Dwarf<Slice<'_>>, unit: &Unit<Slice<'_>>, file: u64) -> String {
    let mut path = unit.comp_dir.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(program) = &unit.line_program else { return String::new() };
    let header = program.header();
    let Some(entry) = header.file(file) else { return String::new() };
    // Directory 0 is that in which the compiler ran.
    let dir = if entry.directory_index() == 0 { None } else { entry.directory(header) };
    for part in [dir, Some(entry.path_name())].into_iter().flatten() {
        let Ok(part) = dwarf.attr_string(unit, part) else { return String::new() };
        push(&mut path, &part.to_string_lossy());
    }
    path
}

fn push(path: &mut String, part: &str) {
    let windows = part.as_bytes().get(1) == Some(&b':') || part.starts_with('\\');
    if part.starts_with('/') || windows {
        path.clear();
    } else if !path.is_empty() && !path.ends_with(['/', '\\']) {
        path.push('/');
    }
    path.push_str(part);
}
