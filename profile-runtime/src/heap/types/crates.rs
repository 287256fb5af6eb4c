//! Rules for crates whose containers ask the allocator themselves, or are known by another name than what they are
//! made of. Of all others the literal type is said.

use super::containers::message_of;
use super::generics;
use super::owner::{Owner, Table};
use super::search::{Family, Flow, Function, Search};

/// Next to do, for a function of a dependency; `path` is that of its file.
pub(super) fn step(search: &mut Search<'_>, name: &str, path: &str, function: &Function<'_>) -> Flow {
    match name {
        // It stands where `alloc` stands on nightly.
        "allocator-api2" => return Flow::Outward,
        "bytes" => return bytes(search, path),
        "crossbeam-channel" => return channel(search, path, function),
        "dashmap" => shards(search),
        "indexmap" => return index(search, path, function),
        "smallvec" => return small(search, "SmallVec", function),
        "thin-vec" => return small(search, "ThinVec", function),
        "tokio" => return tokio(search, path, function),
        _ if search.owner.is_none() && search.comes_from(Family::Elements) => {
            reserve(search, name, path, function)
        }
        _ if search.owner.is_none() => return raw(search, name, path, function),
        // Text is a vector of bytes.
        "ecow"
            if path == "dynamic.rs"
                && matches!(&search.owner, Some(Owner::Sequence("EcoVec", it)) if it == "u8") =>
        {
            search.owner = Some(Owner::Plain("EcoString"));
        }
        _ => {}
    }
    Flow::Stop
}

/// Of a vector, nothing but helpers that do not know their elements was on the stack.
fn reserve(search: &mut Search<'_>, name: &str, path: &str, function: &Function<'_>) {
    if let ("rayon", "iter/collect/mod.rs", "collect_with_consumer", [element, ..]) =
        (name, path, function.name, function.arguments.as_slice())
    {
        search.owner = Some(Owner::Vec((*element).to_owned()));
    }
}

/// What containers of their own making ask of the allocator itself.
fn raw(search: &mut Search<'_>, name: &str, path: &str, function: &Function<'_>) -> Flow {
    let arguments = function.arguments.as_slice();
    let owned = |it: &str| it.to_owned();
    search.owner = match (name, path, arguments) {
        ("arcstr", "arc_str.rs", _) => Some(Owner::Plain("ArcStr")),
        ("boa_string", ..) => Some(Owner::Plain("JsString")),
        ("bumpalo", "lib.rs", _) => Some(Owner::Plain("bumpalo::Bump")),
        ("byteview", "byteview.rs", _) => Some(Owner::Plain("ByteView")),
        ("compact_str", "repr/heap.rs" | "repr/mod.rs", _) => Some(Owner::Plain("CompactString")),
        ("crossbeam-queue", "seg_queue.rs", [element]) => Some(Owner::Sequence("SegQueue", owned(element))),
        ("crossbeam-skiplist", "base.rs", [key, "()"]) => Some(Owner::Sequence("SkipSet", owned(key))),
        ("crossbeam-skiplist", "base.rs", [key, value]) => {
            Some(Owner::Map("SkipMap", owned(key), owned(value)))
        }
        ("ecow", "vec.rs", [element, ..]) => {
            search.owner = Some(Owner::Sequence("EcoVec", owned(element)));
            return Flow::Outward;
        }
        ("papaya", "raw/alloc.rs", [entry]) => match generics::instance_of(entry, "Entry").as_deref() {
            Some([key, value]) => Some(Owner::Map("papaya::HashMap", owned(key), owned(value))),
            _ => None,
        },
        ("rkyv", "util/alloc/aligned_vec.rs", _) => Some(Owner::Plain("AlignedVec")),
        ("rkyv", "impls/alloc/vec.rs", [element, _]) if function.name == "deserialize" => {
            Some(Owner::Vec(owned(element)))
        }
        // Whose buckets they are is said by the caller.
        ("scc", "hash_table/bucket_array.rs", _) => return Flow::Outward,
        ("scc", "hash_table.rs", [table, ..]) => {
            match (generics::head(table), generics::arguments(table).as_slice()) {
                ("HashMap", [key, value, ..]) => Some(Owner::Map("scc::HashMap", owned(key), owned(value))),
                ("HashIndex", [key, value, ..]) => {
                    Some(Owner::Map("scc::HashIndex", owned(key), owned(value)))
                }
                ("HashCache", [key, value, ..]) => {
                    Some(Owner::Map("scc::HashCache", owned(key), owned(value)))
                }
                _ => None,
            }
        }
        ("sled", "arc.rs", [element]) if function.name.contains("slice") => {
            Some(Owner::Sequence("sled::Arc", format!("[{element}]")))
        }
        _ => None,
    };
    Flow::Stop
}

fn bytes(search: &mut Search<'_>, path: &str) -> Flow {
    let is_shared = |it: &str| generics::head(it) == "Shared" || it.contains("::Shared>");
    let is_theirs = match &search.owner {
        Some(Owner::Box(content)) => is_shared(content),
        Some(owner) => owner.element() == Some("u8"),
        // Of the vector nothing but its helpers was on the stack.
        None => search.comes_from(Family::Elements),
    };
    match path {
        "bytes_mut.rs" if is_theirs => search.owner = Some(Owner::Plain("BytesMut")),
        "bytes.rs" if is_theirs => search.owner = Some(Owner::Plain("Bytes")),
        // `impl BufMut for Vec<u8>` is there too, and for `BytesMut` its own file follows.
        _ if path.starts_with("buf/") => return Flow::Outward,
        _ => {}
    }
    Flow::Stop
}

fn channel(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> Flow {
    let message = match &search.owner {
        None if path.starts_with("flavors/") => function.arguments.first().map(|it| (*it).to_owned()),
        None => None,
        Some(owner) => message_of(owner),
    };
    if let Some(message) = message {
        search.owner = Some(Owner::Sequence("crossbeam_channel", message));
    }
    Flow::Stop
}

/// The shards of a `DashMap` are tables whose values are `SharedValue`s.
fn shards(search: &mut Search<'_>) {
    let element = search.owner.as_ref().and_then(Owner::element);
    if let Some((key, value)) = element.and_then(|it| shared_pair(it, 16)) {
        search.owner = Some(Owner::Map("DashMap", key, value));
    }
}

fn shared_pair(name: &str, depth: u32) -> Option<(String, String)> {
    if let Some([key, value]) = generics::tuple(name).as_deref()
        && let Some([value]) = generics::instance_of(value, "SharedValue").as_deref()
    {
        return Some(((*key).to_owned(), (*value).to_owned()));
    }
    let inner = generics::arguments(name);
    inner.into_iter().filter(|_| depth > 0).find_map(|it| shared_pair(it, depth - 1))
}

/// A table of positions, and a vector of the entries.
fn index(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> Flow {
    let pair = match &search.owner {
        Some(Owner::Table(Table { entry, .. })) if entry == "usize" => match function.arguments.as_slice() {
            [] => return Flow::Outward,
            [key, ..] if path == "set.rs" => vec![*key, "()"],
            arguments => arguments.to_vec(),
        },
        Some(owner) => owner.element().and_then(|it| generics::instance_of(it, "Bucket")).unwrap_or_default(),
        None => Vec::new(),
    };
    if let [key, value, ..] = pair[..] {
        let (key, value) = (key.to_owned(), value.to_owned());
        let is_set = value == "()";
        search.owner =
            Some(if is_set { Owner::Sequence("IndexSet", key) } else { Owner::Map("IndexMap", key, value) });
    }
    Flow::Stop
}

/// Vectors that keep a few elements in place, or their length in the block.
fn small(search: &mut Search<'_>, name: &'static str, function: &Function<'_>) -> Flow {
    let Some(argument) = function.arguments.first() else {
        return if search.owner.is_none() { Flow::Outward } else { Flow::Stop };
    };
    let element = generics::array(argument).map_or(*argument, |(element, _)| element);
    let is_theirs = match &search.owner {
        None => true,
        Some(Owner::Elements(known) | Owner::Vec(known)) => known == element,
        Some(_) => false,
    };
    if is_theirs {
        search.owner = Some(Owner::Sequence(name, (*argument).to_owned()));
    }
    Flow::Stop
}

fn tokio(search: &mut Search<'_>, path: &str, function: &Function<'_>) -> Flow {
    match &search.owner {
        None if path == "sync/mpsc/block.rs" => {
            let message = function.arguments.first();
            search.owner = message.map(|it| Owner::Sequence("tokio::sync::mpsc", (*it).to_owned()));
        }
        Some(Owner::Box(cell)) if path.starts_with("runtime/task/") => {
            // The future, and who schedules it.
            if let Some([future, _]) = generics::instance_of(cell, "Cell").as_deref() {
                search.owner = Some(Owner::Sequence("tokio::task", (*future).to_owned()));
            }
        }
        _ => {}
    }
    Flow::Stop
}
