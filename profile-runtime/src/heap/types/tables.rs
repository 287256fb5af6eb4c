//! Rules for hash tables: `hashbrown`, and std's maps and sets around it.

use super::owner::{Owner, Table};
use super::search::{Family, Flow, Function, Search};

/// Next to do, for a function of `hashbrown` or of std's maps.
pub(super) fn step(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> (Family, Flow) {
    (Family::Table, table(search, path, function))
}

fn table(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> Flow {
    let is_bare = path == "table.rs";
    let Some(entry) = entry_of(path, function) else {
        return match &search.owner {
            None | Some(Owner::Table(_)) => Flow::Outward,
            Some(_) => Flow::Stop,
        };
    };
    match &search.owner {
        // std's maps are on the stack of whatever runs below them, too.
        None if path.starts_with("collections/") && !search.comes_from(Family::Table) => {}
        None => search.owner = Some(Owner::Table(Table { entry, is_bare })),
        Some(Owner::Table(known)) => {
            if known.entry != entry && !search.is_overruled_by(Family::Table, function) {
                return Flow::Stop;
            }
            let is_bare = known.is_bare || is_bare;
            search.owner = Some(Owner::Table(Table { entry, is_bare }));
        }
        Some(_) => return Flow::Stop,
    }
    Flow::Outward
}

/// What the function says is in a bucket.
fn entry_of(path: &str, function: &Function<'_>) -> Option<String> {
    let file = path.strip_prefix("collections/hash/").unwrap_or(path);
    match (file, function.arguments.as_slice()) {
        ("map.rs" | "rustc_entry.rs", [key, value, ..]) => Some(format!("({key}, {value})")),
        // The hasher comes next.
        ("set.rs", [key, ..]) => Some(format!("({key}, ())")),
        ("table.rs", [entry, ..]) => Some((*entry).to_owned()),
        // `RawTableInner` has an allocator alone for an argument, and does not know its buckets.
        (_, [entry, ..])
            if is_raw(file) && (function.count >= 2 || function.name.contains("with_capacity")) =>
        {
            Some((*entry).to_owned())
        }
        _ => None,
    }
}

fn is_raw(file: &str) -> bool {
    file == "raw.rs" || file == "raw/mod.rs"
}
