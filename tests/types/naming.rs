//! Names for addresses of this program, from its own debug information. Small and slow on purpose: the judge of the
//! rules shall not depend on how the library reads names.

use std::borrow::Cow;
use std::collections::HashMap;

use addr2line::Context;
use gimli::{AttributeValue, DebugInfoOffset, Dwarf, EndianSlice, RunTimeEndian, Unit, UnitOffset};
use object::{Object, ObjectSection};
use profile_cost_runtime::heap::Source;

type Reader = EndianSlice<'static, RunTimeEndian>;

/// Reads the debug information of this very program.
pub struct Namer {
    context: Context<Reader>,
    cache: HashMap<u64, Vec<Source>>,
}

impl Namer {
    pub fn of_this_program() -> Self {
        let path = std::env::current_exe().expect("a path");
        // Leaked: names are read as long as the program runs.
        let file: &'static [u8] = std::fs::read(path).expect("the program can be read").leak();
        let object = object::File::parse(file).expect("an object file");
        let section = |id: gimli::SectionId| -> Result<Reader, gimli::Error> {
            let section = object.section_by_name(id.name());
            let data = section.and_then(|it| it.uncompressed_data().ok()).unwrap_or_default();
            Ok(Reader::new(data.into_owned().leak(), RunTimeEndian::Little))
        };
        let dwarf = Dwarf::load(section).expect("debug information");
        Self { context: Context::from_dwarf(dwarf).expect("units"), cache: HashMap::new() }
    }

    /// What stands at the address, the innermost inlined function first.
    pub fn sources(&mut self, address: u64) -> Vec<Source> {
        if let Some(known) = self.cache.get(&address) {
            return known.clone();
        }
        let named = self.read(address).unwrap_or_default();
        self.cache.insert(address, named.clone());
        named
    }

    fn read(&self, address: u64) -> Option<Vec<Source>> {
        let unit = self.context.find_dwarf_and_unit(address).skip_all_loads()?;
        let mut frames = self.context.find_frames(address).skip_all_loads().ok()?;
        let mut sources = Vec::new();
        while let Some(frame) = frames.next().ok()? {
            let symbol = frame.function.as_ref().and_then(|it| it.raw_name().ok());
            let symbol = symbol.map(|it: Cow<'_, str>| format!("{:#}", rustc_demangle::demangle(&it)));
            let symbol = symbol.unwrap_or_default();
            let name = frame.dw_die_offset.and_then(|offset| name_of(unit.dwarf, unit.unit, offset, 8));
            let location = frame.location;
            sources.push(Source {
                function: name.unwrap_or_else(|| symbol.clone()),
                symbol,
                file: location.as_ref().and_then(|it| it.file).unwrap_or_default().to_owned(),
                line: location.as_ref().and_then(|it| it.line).unwrap_or_default(),
            });
        }
        Some(sources)
    }
}

/// `DW_AT_name` of an entry or of what it is an instance of.
fn name_of(dwarf: &Dwarf<Reader>, unit: &Unit<Reader>, offset: UnitOffset, depth: u32) -> Option<String> {
    let entry = unit.entry(offset).ok()?;
    if let Some(name) = entry.attr_value(gimli::DW_AT_name) {
        let text = dwarf.attr_string(unit, name).ok()?;
        return Some(gimli::Reader::to_string_lossy(&text).ok()?.into_owned());
    }
    let next = entry
        .attr_value(gimli::DW_AT_abstract_origin)
        .or_else(|| entry.attr_value(gimli::DW_AT_specification))?;
    match next {
        _ if depth == 0 => None,
        AttributeValue::UnitRef(offset) => name_of(dwarf, unit, offset, depth - 1),
        AttributeValue::DebugInfoRef(offset) => {
            let (unit, offset) = unit_at(dwarf, offset)?;
            name_of(dwarf, &unit, offset, depth - 1)
        }
        _ => None,
    }
}

/// The unit that holds an offset of `.debug_info`: what is inlined from another unit points there.
fn unit_at(dwarf: &Dwarf<Reader>, offset: DebugInfoOffset) -> Option<(Unit<Reader>, UnitOffset)> {
    let mut units = dwarf.units();
    while let Some(header) = units.next().ok()? {
        if let Some(within) = offset.to_unit_offset(&header) {
            return Some((dwarf.unit(header).ok()?, within));
        }
    }
    None
}
