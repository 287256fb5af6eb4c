//! What a symbol table calls the function at an address: all that is known of it in a file without debug information.

use std::cmp::Reverse;

use object::{Object, ObjectSymbol, ObjectSymbolTable, SymbolIndex, SymbolKind};

use super::entry_names::demangled;

/// The demangled names of the functions at those addresses.
pub(crate) fn names(object: &object::File<'_>, addresses: &[u64]) -> Vec<Option<String>> {
    if addresses.is_empty() {
        return Vec::new();
    }
    let mut names = vec![None; addresses.len()];
    // What was stripped keeps the symbols that other files link to.
    for dynamic in [false, true] {
        let table = Table::new(object, dynamic);
        for (address, name) in addresses.iter().zip(&mut names).filter(|(_, name)| name.is_none()) {
            *name = table.name(*address);
        }
    }
    names
}

/// Where functions begin, in order, and the symbols that say so.
struct Table<'a, 'data> {
    object: &'a object::File<'data>,
    dynamic: bool,
    starts: Vec<(u64, SymbolIndex)>,
}

impl<'a, 'data> Table<'a, 'data> {
    fn new(object: &'a object::File<'data>, dynamic: bool) -> Self {
        let symbols = if dynamic { object.dynamic_symbols() } else { object.symbols() };
        let functions = symbols.filter(|symbol| symbol.kind() == SymbolKind::Text && !symbol.is_undefined());
        let mut starts: Vec<_> = functions.map(|symbol| (symbol.address(), symbol.index())).collect();
        starts.sort_unstable_by_key(|&(start, index)| (start, index.0));
        Self { object, dynamic, starts }
    }

    fn name(&self, address: u64) -> Option<String> {
        let before = &self.starts[..self.starts.partition_point(|(start, _)| *start <= address)];
        let (start, _) = *before.last()?;
        let here = &before[before.partition_point(|(other, _)| *other < start)..];
        let table =
            if self.dynamic { self.object.dynamic_symbol_table() } else { self.object.symbol_table() }?;
        let named = here.iter().filter_map(|(_, index)| {
            let symbol = table.symbol_by_index(*index).ok()?;
            let size = symbol.size();
            let holds = size > 0 && address - start < size;
            // Assembler may have no size: it reaches to the next symbol.
            let name = symbol.name().ok().filter(|name| !name.is_empty() && (holds || size == 0))?;
            // `malloc` rather than `__libc_malloc`.
            let underscores = name.len() - name.trim_start_matches('_').len();
            Some(((holds, symbol.is_global(), Reverse(underscores), Reverse(name)), name))
        });
        named.max_by_key(|(rank, _)| *rank).map(|(_, name)| demangled(name))
    }
}
