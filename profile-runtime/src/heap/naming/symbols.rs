//! What stands at addresses of one ELF file: functions, those inlined there, and lines of source.
//!
//! All addresses of a file are looked up in one pass over it, unit by unit, and only the answers are kept: the service
//! that asks may be near its memory limit. An index that answers any address (`addr2line`'s) takes 32 to 130 MB.

use std::collections::HashMap;
use std::ops::Range;

use gimli::{Dwarf, DwarfSections, EndianSlice, RunTimeEndian, Unit};
use object::Object;

use super::entry_names::EntryNames;
use super::file::{ElfFile, code, debug_section};
use super::lines::{self, Found};
use super::scopes::{self, Probe};
use super::symbol_table::{self, is_symbol_of};
use crate::heap::frame::Source;

/// Bytes of a section.
pub(crate) type Slice<'data> = EndianSlice<'data, RunTimeEndian>;

/// What stands at an address: the innermost inlined function first. Empty when nothing is known.
pub(crate) type Sources = Vec<Source>;

/// What stands at each of the addresses, which lie within call instructions and are those of the file itself.
///
/// # Errors
/// One line with the remedy, when the file has neither debug information nor symbols, or they cannot be read.
pub(crate) fn sources(file: &ElfFile, addresses: &[u64]) -> Result<Vec<Sources>, String> {
    let mut sorted = addresses.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let object = file.object().map_err(|error| error.to_string())?;
    let mut problem = None;
    let mut found = vec![Sources::new(); sorted.len()];
    let has_debug = |object: &object::File<'_>| object.section_by_name(".debug_info").is_some();
    if has_debug(&object) {
        problem = by_debug_information(&object, &sorted, &mut found).err();
    } else if let Some(debug) = file.debug_file()
        && let Ok(object) = debug.object()
    {
        problem = by_debug_information(&object, &sorted, &mut found).err();
        by_symbol_table(&object, &sorted, &mut found);
    }
    by_symbol_table(&object, &sorted, &mut found);
    if found.iter().all(Vec::is_empty) && !found.is_empty() {
        return Err(problem.unwrap_or_else(|| {
            "no debug information and no symbols of what was recorded; give the file before it was stripped, built \
             with debug = \"line-tables-only\""
                .to_owned()
        }));
    }
    let at = |address: &u64| sorted.binary_search(address).map(|index| found[index].clone());
    Ok(addresses.iter().map(|address| at(address).unwrap_or_default()).collect())
}

fn by_debug_information(
    object: &object::File<'_>,
    addresses: &[u64],
    found: &mut [Sources],
) -> Result<(), String> {
    let sections = DwarfSections::load(|id| debug_section(object, id))?;
    let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let code = code(object);
    let mut names = EntryNames::new(&dwarf);
    for index in 0..names.units() {
        let Some(unit) = names.unit(index) else { continue };
        let within = addresses_in(&dwarf, &unit, addresses, found);
        if !within.is_empty() {
            name_unit(&dwarf, &unit, &code, &mut names, &within, found);
        }
    }
    Ok(())
}

/// Those addresses in the unit that have no name yet, with their places in the list.
fn addresses_in(
    dwarf: &Dwarf<Slice<'_>>,
    unit: &Unit<Slice<'_>>,
    addresses: &[u64],
    found: &[Sources],
) -> Vec<(u64, usize)> {
    let mut within = Vec::new();
    let Ok(mut ranges) = dwarf.unit_ranges(unit) else { return within };
    while let Ok(Some(range)) = ranges.next() {
        let first = addresses.partition_point(|&address| address < range.begin);
        let indices = (first..addresses.len()).take_while(|&index| addresses[index] < range.end);
        within
            .extend(indices.filter(|&index| found[index].is_empty()).map(|index| (addresses[index], index)));
    }
    within.sort_unstable();
    within.dedup();
    within
}

fn name_unit<'data>(
    dwarf: &Dwarf<Slice<'data>>,
    unit: &Unit<Slice<'data>>,
    code: &[Range<u64>],
    names: &mut EntryNames<'_, 'data>,
    within: &[(u64, usize)],
    found: &mut [Sources],
) {
    let addresses: Vec<u64> = within.iter().map(|(address, _)| *address).collect();
    let rows = lines::find(unit, code, &addresses);
    // The places before those without a line are looked up as well: a line is taken only from the same function.
    let mut probed = addresses.clone();
    probed.extend(rows.iter().flat_map(|found| found.before.iter().map(|(address, _)| *address)));
    probed.sort_unstable();
    probed.dedup();
    let mut probes: Vec<Probe> = probed.iter().map(|&address| Probe::new(address)).collect();
    // A unit that is broken names what it can.
    let _ = scopes::find(dwarf, unit, code, &mut probes);
    let probe = |address: u64| probed.binary_search(&address).ok().map(|index| &probes[index]);
    let mut paths = Paths { dwarf, unit, known: HashMap::new() };
    for (&(address, index), found_row) in within.iter().zip(&rows) {
        let scopes = probe(address).map(|probe| probe.scopes.as_slice()).unwrap_or_default();
        let row = found_row.row.unwrap_or_default();
        let line = if row.line > 0 { Some(row) } else { nearest(found_row, scopes, probe) };
        let row = line.unwrap_or(row);
        let mut at = (row.file, row.line);
        for scope in scopes.iter().rev() {
            let name = names.of(unit, scope.entry);
            let function = if name.function.is_empty() { &name.symbol } else { &name.function };
            found[index].push(Source {
                function: function.clone(),
                symbol: name.symbol.clone(),
                file: paths.of(at.0),
                line: at.1,
            });
            at = (scope.call_file, scope.call_line);
        }
        // Assembler has lines and no functions: their names are those of the symbol table.
        if scopes.is_empty() && found_row.row.is_some() {
            let file = paths.of(row.file);
            found[index].push(Source { file, line: row.line, ..Source::default() });
        }
    }
}

/// The nearest line before, in the same function: where the compiler merged the ends of several branches, it gave the
/// call no line.
fn nearest<'probes>(
    found: &Found,
    scopes: &[scopes::Scope],
    probe: impl Fn(u64) -> Option<&'probes Probe>,
) -> Option<lines::Row> {
    let same = |address| probe(address).is_some_and(|probe| probe.scopes == scopes);
    found.before.iter().find(|(address, _)| same(*address)).map(|(_, row)| *row)
}

/// Gives names to what has none yet. Of functions that line tables alone are kept of, the debug information has no linkage
/// name, and so not the path.
fn by_symbol_table(object: &object::File<'_>, addresses: &[u64], found: &mut [Sources]) {
    let unnamed = |sources: &Sources| sources.last().is_none_or(|source| source.symbol.is_empty());
    let indices: Vec<usize> = (0..addresses.len()).filter(|&index| unnamed(&found[index])).collect();
    let wanted: Vec<u64> = indices.iter().map(|&index| addresses[index]).collect();
    let may_be = |at: usize, symbol: &str| {
        let function = found[indices[at]].last().map_or("", |source| source.function.as_str());
        function.is_empty() || is_symbol_of(symbol, function)
    };
    let names = symbol_table::names(object, &wanted, may_be);
    for (index, name) in indices.into_iter().zip(names) {
        let Some(name) = name else { continue };
        match found[index].last_mut() {
            Some(source) if source.function.is_empty() => {
                (source.function, source.symbol) = (name.clone(), name);
            }
            Some(source) => source.symbol = name,
            None => {
                found[index].push(Source { function: name.clone(), symbol: name, ..Source::default() });
            }
        }
    }
}

/// Paths of a unit's source files, by index in its line table.
struct Paths<'a, 'data> {
    dwarf: &'a Dwarf<Slice<'data>>,
    unit: &'a Unit<Slice<'data>>,
    known: HashMap<u64, String>,
}

impl Paths<'_, '_> {
    fn of(&mut self, file: u64) -> String {
        self.known.entry(file).or_insert_with(|| lines::path(self.dwarf, self.unit, file)).clone()
    }
}
