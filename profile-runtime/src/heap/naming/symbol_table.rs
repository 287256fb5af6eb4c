//! What a symbol table calls the function at an address: all that is known of it in a file without debug information.

use std::cmp::Reverse;

use object::{Object, ObjectSymbol, ObjectSymbolTable, SymbolIndex, SymbolKind};

use super::entry_names::demangled;

/// The demangled names of the functions at those addresses: of several those for which `may_be` says so, by their index.
pub(crate) fn names(
    object: &object::File<'_>,
    addresses: &[u64],
    may_be: impl Fn(usize, &str) -> bool,
) -> Vec<Option<String>> {
    if addresses.is_empty() {
        return Vec::new();
    }
    let mut names = vec![None; addresses.len()];
    // What was stripped keeps the symbols that other files link to.
    for dynamic in [false, true] {
        let table = Table::new(object, dynamic);
        for (index, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_none()) {
            *name = table.name(addresses[index], |name| may_be(index, name));
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

    fn name(&self, address: u64, may_be: impl Fn(&str) -> bool) -> Option<String> {
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
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by_key(|(rank, _)| Reverse(*rank));
        named.into_iter().map(|(_, name)| demangled(name)).find(|name| may_be(name))
    }
}

/// Whether a symbol can be that of a function, whose own name is that: `<app::Cache as app::Store>::save::<u8>` of
/// `save<u8>`. Functions that turned out equal were merged, and have the symbols of all.
pub(crate) fn is_symbol_of(symbol: &str, function: &str) -> bool {
    let own = own_name(symbol);
    // Closures and async blocks are counted in one, and not in the other.
    own == before_generics(function) || (own.starts_with('{') && function.starts_with('{'))
}

/// The last part of a path, without generic arguments.
fn own_name(path: &str) -> &str {
    let (mut depth, mut last, mut before) = (0_u32, 0, 0);
    let bytes = path.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'<' => depth += 1,
            // Not of an arrow.
            b'>' if at == 0 || bytes[at - 1] != b'-' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && bytes.get(at + 1) == Some(&b':') => (before, last) = (last, at + 2),
            _ => {}
        }
    }
    match path.get(last..) {
        // `path::<arguments>`, `path::{shim:vtable#0}`
        Some(part) if last > 0 && (part.starts_with('<') || part.starts_with("{shim:")) => {
            path.get(before..last - 2).unwrap_or(part)
        }
        Some(part) => before_generics(part),
        None => path,
    }
}

/// Also without what the compiler adds, as `{{vtable.shim}}`.
fn before_generics(name: &str) -> &str {
    name.find(['<', '{']).filter(|&at| at > 0).map_or(name, |at| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_known_by_their_last_part() {
        for (symbol, function) in [
            ("app::cache::remember", "remember"),
            ("alloc::vec::Vec<T,A>::push", "push<app::Order, alloc::alloc::Global>"),
            ("<alloc::vec::Vec<app::Order>>::push", "push<app::Order, alloc::alloc::Global>"),
            ("<[u8]>::to_vec_in::<alloc::alloc::Global>", "to_vec_in<u8, alloc::alloc::Global>"),
            ("core::ptr::drop_in_place<fn() -> app::Order>", "drop_in_place<fn() -> app::Order>"),
            ("<T as core::convert::Into<U>>::into", "into<&str, alloc::string::String>"),
            ("app::main::{{closure}}", "{closure#0}"),
            ("app::main::{closure#0}::{closure#1}", "{closure#1}"),
            ("core::ops::function::FnOnce::call_once{{vtable.shim}}", "call_once<fn(), ()>"),
            (
                "<app::run::{closure#0} as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}",
                "call_once<(), ()>",
            ),
            ("main", "main"),
        ] {
            assert!(is_symbol_of(symbol, function), "{symbol} {function}");
        }
        for (symbol, function) in [
            ("alloc::vec::Vec<T,A>::pop", "push<app::Order, alloc::alloc::Global>"),
            ("app::push::inner", "push"),
            ("app::main::{{closure}}", "main"),
            ("app::main", "{closure#0}"),
            ("<app::push>", "push"),
            ("", "push"),
        ] {
            assert!(!is_symbol_of(symbol, function), "{symbol} {function}");
        }
    }
}
