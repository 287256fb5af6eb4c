//! Which functions an address is in, the inlined ones among them, by the entries of one unit.

use std::ops::Range;

use gimli::{AttributeValue, DwTag, Dwarf, EntriesRaw, Unit, UnitOffset};

use super::symbols::Slice;

/// A function around an address, or one that was inlined there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Its entry.
    pub(crate) entry: UnitOffset,
    /// How deep that stands.
    depth: isize,
    /// Where it was called; of functions that are inlined. File as an index in the line table, 0 when not known.
    pub(crate) call_file: u64,
    pub(crate) call_line: u32,
}

/// An address, and the functions around it, the outermost first.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    pub(crate) address: u64,
    pub(crate) scopes: Vec<Scope>,
}

impl Probe {
    pub(crate) fn new(address: u64) -> Self {
        Self { address, scopes: Vec::new() }
    }
}

/// Fills in the functions around those addresses, which are sorted, in one pass over the unit.
///
/// # Errors
/// When the unit is broken; what was found before stays.
pub(crate) fn find(
    dwarf: &Dwarf<Slice<'_>>,
    unit: &Unit<Slice<'_>>,
    code: &[Range<u64>],
    probes: &mut [Probe],
) -> gimli::Result<()> {
    let mut entries = unit.entries_raw(None)?;
    // The functions that the entry stands in, the innermost last; of each, whether one of the addresses is in it.
    let mut around: Vec<(Scope, bool)> = Vec::new();
    while !entries.is_empty() {
        let depth = entries.next_depth();
        let entry = entries.next_offset();
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        while around.last().is_some_and(|(scope, _)| scope.depth >= depth) {
            around.pop();
        }
        let tag = abbreviation.tag();
        let is_function = tag == gimli::DW_TAG_subprogram;
        let inlined_here =
            tag == gimli::DW_TAG_inlined_subroutine && around.last().is_some_and(|&(_, hit)| hit);
        if !is_function && !inlined_here {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let attributes = Attributes::read(dwarf, unit, &mut entries, abbreviation.attributes())?;
        let (call_file, call_line) = (attributes.call_file, attributes.call_line);
        let scope = Scope { entry, depth, call_file, call_line };
        let outer = around.last().map(|(scope, _)| scope.entry);
        let mut hit = false;
        attributes.each_range(dwarf, unit, |range| {
            if is_function && !code.iter().any(|code| code.contains(&range.start)) {
                return;
            }
            hit |= add(probes, range, scope, tag, outer);
        })?;
        if is_function {
            around.push((scope, hit));
        }
    }
    Ok(())
}

/// Adds the scope to the addresses in that range. True when there is one.
fn add(probes: &mut [Probe], range: Range<u64>, scope: Scope, tag: DwTag, outer: Option<UnitOffset>) -> bool {
    let first = probes.partition_point(|probe| probe.address < range.start);
    let mut hit = false;
    for probe in probes[first..].iter_mut().take_while(|probe| probe.address < range.end) {
        let fits = match (probe.scopes.first(), probe.scopes.last()) {
            // The linker may have merged functions: the first holds.
            (None, _) => tag == gimli::DW_TAG_subprogram,
            (Some(function), Some(last)) => Some(function.entry) == outer && last.depth < scope.depth,
            _ => false,
        };
        if fits {
            probe.scopes.push(scope);
            hit = true;
        }
    }
    hit
}

/// What is read of an entry.
#[derive(Default)]
struct Attributes<'data> {
    low: Option<u64>,
    high: Option<u64>,
    /// Bytes from `low`, in place of `high`.
    size: Option<u64>,
    ranges: Option<AttributeValue<Slice<'data>>>,
    call_file: u64,
    call_line: u32,
}

impl<'data> Attributes<'data> {
    fn read(
        dwarf: &Dwarf<Slice<'data>>,
        unit: &Unit<Slice<'data>>,
        entries: &mut EntriesRaw<'_, Slice<'data>>,
        specifications: &[gimli::AttributeSpecification],
    ) -> gimli::Result<Self> {
        let mut read = Self::default();
        for &specification in specifications {
            let attribute = entries.read_attribute(specification)?;
            match attribute.name() {
                gimli::DW_AT_low_pc => read.low = dwarf.attr_address(unit, attribute.value())?,
                gimli::DW_AT_high_pc => match attribute.value() {
                    AttributeValue::Udata(size) => read.size = Some(size),
                    value => read.high = dwarf.attr_address(unit, value)?,
                },
                gimli::DW_AT_ranges => read.ranges = Some(attribute.value()),
                gimli::DW_AT_call_file => {
                    read.call_file = match attribute.value() {
                        AttributeValue::FileIndex(file) => file,
                        value => value.udata_value().unwrap_or(0),
                    };
                }
                gimli::DW_AT_call_line => {
                    let line = attribute.udata_value().and_then(|line| u32::try_from(line).ok());
                    read.call_line = line.unwrap_or(0);
                }
                _ => {}
            }
        }
        Ok(read)
    }

    fn each_range(
        self,
        dwarf: &Dwarf<Slice<'data>>,
        unit: &Unit<Slice<'data>>,
        mut f: impl FnMut(Range<u64>),
    ) -> gimli::Result<()> {
        if let Some(ranges) = self.ranges {
            if let Some(mut ranges) = dwarf.attr_ranges(unit, ranges)? {
                while let Some(range) = ranges.next()? {
                    f(range.begin..range.end);
                }
            }
        } else if let Some(low) = self.low {
            let high = self.high.or_else(|| self.size.and_then(|size| low.checked_add(size)));
            f(low..high.unwrap_or(low));
        }
        Ok(())
    }
}
