//! What the entries of debug information are called: their own name, or that of what they are an instance of, which may
//! stand in another unit.

use std::collections::HashMap;
use std::rc::Rc;

use gimli::{Attribute, AttributeValue, DebugInfoOffset, Dwarf, Unit, UnitHeader, UnitOffset};

use super::symbols::Slice;

/// A function's names.
#[derive(Debug, Default)]
pub(crate) struct Name {
    /// `DW_AT_name`, with generic arguments.
    pub(crate) function: String,
    /// The linkage name, demangled; empty where there is none.
    pub(crate) symbol: String,
}

/// Names already read, and the units that they stand in.
pub(crate) struct EntryNames<'a, 'data> {
    dwarf: &'a Dwarf<Slice<'data>>,
    /// In the order of the file.
    headers: Vec<UnitHeader<Slice<'data>>>,
    units: HashMap<usize, Rc<Unit<Slice<'data>>>>,
    /// By offset in `.debug_info`.
    known: HashMap<usize, Rc<Name>>,
}

/// Units that are kept: each holds the names of its source files.
const UNITS: usize = 64;
/// Steps from an entry to what it is an instance of; there are two or three.
const STEPS: u32 = 16;

impl<'a, 'data> EntryNames<'a, 'data> {
    pub(crate) fn new(dwarf: &'a Dwarf<Slice<'data>>) -> Self {
        let mut headers = Vec::new();
        let mut units = dwarf.units();
        // Of a file that is broken, the units before the fault.
        while let Ok(Some(header)) = units.next() {
            headers.push(header);
        }
        Self { dwarf, headers, units: HashMap::new(), known: HashMap::new() }
    }

    /// How many units there are.
    pub(crate) fn units(&self) -> usize {
        self.headers.len()
    }

    /// One of them, read anew unless it is kept; `None` when it is broken.
    pub(crate) fn unit(&self, index: usize) -> Option<Rc<Unit<Slice<'data>>>> {
        if let Some(unit) = self.units.get(&index) {
            return Some(Rc::clone(unit));
        }
        self.dwarf.unit(*self.headers.get(index)?).ok().map(Rc::new)
    }

    /// The names of an entry.
    pub(crate) fn of(&mut self, unit: &Unit<Slice<'data>>, entry: UnitOffset) -> Rc<Name> {
        match entry.to_debug_info_offset(&unit.header) {
            Some(at) => self.at(at, Some(unit), STEPS),
            None => Rc::default(),
        }
    }

    fn at(
        &mut self,
        at: DebugInfoOffset<usize>,
        within: Option<&Unit<Slice<'data>>>,
        steps: u32,
    ) -> Rc<Name> {
        if let Some(name) = self.known.get(&at.0) {
            return Rc::clone(name);
        }
        let within = within.filter(|unit| at.to_unit_offset(&unit.header).is_some());
        let name = match within {
            Some(unit) => self.read(at, unit, steps),
            None => self.unit_of(at).and_then(|unit| self.read(at, &unit, steps)),
        };
        let name = Rc::new(name.unwrap_or_default());
        self.known.insert(at.0, Rc::clone(&name));
        name
    }

    fn read(&mut self, at: DebugInfoOffset<usize>, unit: &Unit<Slice<'data>>, steps: u32) -> Option<Name> {
        let entry = unit.entry(at.to_unit_offset(&unit.header)?).ok()?;
        let text = |attribute: &Attribute<Slice<'data>>| {
            let text = self.dwarf.attr_string(unit, attribute.value()).ok()?;
            Some(text.to_string_lossy().into_owned())
        };
        let function = entry.attr(gimli::DW_AT_name).and_then(text);
        let linkage =
            entry.attr(gimli::DW_AT_linkage_name).or_else(|| entry.attr(gimli::DW_AT_MIPS_linkage_name));
        let symbol = linkage.and_then(text).map(|name| demangled(&name));
        let (Some(function), Some(symbol)) = (&function, &symbol) else {
            let more = entry
                .attr_value(gimli::DW_AT_abstract_origin)
                .or_else(|| entry.attr_value(gimli::DW_AT_specification));
            let more = match more {
                Some(AttributeValue::UnitRef(offset)) => offset.to_debug_info_offset(&unit.header),
                Some(AttributeValue::DebugInfoRef(offset)) => Some(offset),
                _ => None,
            };
            let more = more.filter(|_| steps > 0).map(|more| self.at(more, Some(unit), steps - 1));
            let more = more.unwrap_or_default();
            return Some(Name {
                function: function.unwrap_or_else(|| more.function.clone()),
                symbol: symbol.unwrap_or_else(|| more.symbol.clone()),
            });
        };
        Some(Name { function: function.clone(), symbol: symbol.clone() })
    }

    /// The unit that an offset is in: what was inlined from another unit refers to that one.
    fn unit_of(&mut self, at: DebugInfoOffset<usize>) -> Option<Rc<Unit<Slice<'data>>>> {
        let index = self
            .headers
            .partition_point(|header| header.debug_info_offset().is_some_and(|start| start.0 <= at.0))
            .checked_sub(1)?;
        let unit = self.unit(index)?;
        if self.units.len() >= UNITS {
            self.units.clear();
        }
        self.units.insert(index, Rc::clone(&unit));
        Some(unit)
    }
}

/// The name that a symbol stands for, without the compiler's hash; itself where it is not Rust's.
pub(crate) fn demangled(symbol: &str) -> String {
    match rustc_demangle::try_demangle(symbol) {
        Ok(name) => {
            let mut name = format!("{name:#}");
            // The optimizer counts copies of a function.
            if let Some((own, copy)) = name.rsplit_once('.')
                && copy.bytes().all(|byte| byte.is_ascii_digit())
            {
                name.truncate(own.len());
            }
            name
        }
        Err(_) => symbol.to_owned(),
    }
}
