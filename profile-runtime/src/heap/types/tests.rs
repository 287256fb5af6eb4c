//! Stacks as they were seen, and what is to be said of them.

use super::super::frame::Source;
use super::classify;

/// A stack of one function a line: `depth function file`.
fn stack(text: &str) -> Vec<Vec<Source>> {
    let mut frames: Vec<Vec<Source>> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (depth, rest) = line.split_once(' ').expect("a depth");
        let (function, file) = rest.rsplit_once(' ').expect("a file");
        let depth: usize = depth.parse().expect("a number");
        frames.resize_with(frames.len().max(depth + 1), Vec::new);
        frames[depth].push(Source {
            function: function.to_owned(),
            file: file
                .replace("L/", "/rustc/0123/library/")
                .replace("H/", "/rust/deps/hashbrown-0.16.1/src/"),
            line: 1,
            ..Source::default()
        });
    }
    frames
}

#[track_caller]
fn check(text: &str, align: u32, size: u64, expected: Option<&str>) {
    let frames = stack(text);
    let frames: Vec<&[Source]> = frames.iter().map(Vec::as_slice).collect();
    assert_eq!(classify(&frames, align, size).as_deref(), expected);
}

const GROW: &str = "
    0 __rust_alloc src/main.rs
    0 finish_grow<alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs
    1 grow_one<alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs
    1 grow_one<app::User,alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs";

#[test]
fn the_caller_of_a_merged_function_is_believed() {
    let own = "\n 2 push<app::Order,alloc::alloc::Global> L/alloc/src/vec/mod.rs\n 2 main src/main.rs";
    check(&format!("{GROW}{own}"), 8, 96, Some("Vec<app::Order>"));
    let deque = "\n 2 grow<app::Order,alloc::alloc::Global> L/alloc/src/collections/vec_deque/mod.rs\n 3 main src/main.rs";
    check(&format!("{GROW}{deque}"), 8, 96, Some("VecDeque<app::Order>"));
}

#[test]
fn the_caller_knows_also_where_it_was_inlined() {
    let tree = "
        0 new_uninit_in<alloc::collections::btree::node::LeafNode<u64, app::User>,alloc::alloc::Global> L/alloc/src/boxed.rs
        0 new<u32,app::Order,alloc::alloc::Global> L/alloc/src/collections/btree/node.rs
        1 main src/main.rs";
    check(tree, 8, 368, Some("BTreeMap<u32, app::Order>"));
    let shared = "
        0 new<alloc::sync::ArcInner<app::User>> L/alloc/src/boxed.rs
        0 new<app::Order> L/alloc/src/sync.rs
        1 main src/main.rs";
    check(shared, 8, 40, Some("Arc<app::Order>"));
    let vector = "
        0 with_capacity_in<app::User,alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs
        0 with_capacity_in<app::Order,alloc::alloc::Global> L/alloc/src/vec/mod.rs
        1 main src/main.rs";
    check(vector, 8, 40, Some("Vec<app::Order>"));
}

#[test]
fn a_stack_that_is_cut_off_within_containers_says_nothing() {
    check(GROW, 8, 96, None);
    check(&format!("{GROW}\n 2 main src/main.rs"), 8, 96, Some("Vec<app::User>"));
}

#[test]
fn merged_calls_leave_bytes_at_most() {
    let merged = |helper: &str, align: u32, expected: Option<&str>| {
        let mut frames =
            stack(&format!("0 {helper}\n 1 parse /h/registry/src/i/serde_json-1.0.154/src/de.rs"));
        frames[1][0].line = 0;
        let frames: Vec<&[Source]> = frames.iter().map(Vec::as_slice).collect();
        assert_eq!(classify(&frames, align, 24).as_deref(), expected);
    };
    merged("__rust_alloc src/main.rs", 1, Some("String or Vec<u8>"));
    merged("__rust_alloc src/main.rs", 8, None);
    merged("grow_one<u8,alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs", 1, Some("String or Vec<u8>"));
    merged("grow_one<app::Order,alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs", 8, None);
    merged("push<app::Order,alloc::alloc::Global> L/alloc/src/vec/mod.rs", 8, Some("Vec<app::Order>"));
}

#[test]
fn helpers_alone_leave_bytes_at_most() {
    let helper = "
        0 finish_grow<alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs
        1 do_reserve_and_handle<alloc::alloc::Global> L/alloc/src/raw_vec/mod.rs";
    let then = |function: &str| format!("{helper}\n 2 {function}");
    let parse = then("parse /h/registry/src/i/serde_json-1.0.154/src/de.rs");
    check(&parse, 1, 24, Some("String or Vec<u8>"));
    check(&parse, 8, 24, None);
    let cursor = then("vec_write_all<alloc::alloc::Global> L/std/src/io/cursor.rs\n 3 main src/main.rs");
    check(&cursor, 1, 24, Some("Vec<u8>"));
    check(&then("reserve_inner /h/registry/src/i/bytes-1.12.2/src/bytes_mut.rs"), 1, 24, Some("BytesMut"));
    let collect = then(
        "collect_with_consumer<app::Order, app::C> /h/registry/src/i/rayon-1.12.0/src/iter/collect/mod.rs",
    );
    check(&collect, 8, 96, Some("Vec<app::Order>"));
}

#[test]
fn a_merged_closure_is_overruled_by_the_function_around_it() {
    let made = "
        0 new<gc::Cell<app::View<app::User>>> L/alloc/src/boxed.rs
        0 {closure#0}<app::View<app::User>> /h/registry/src/i/gc-1.0.0/src/lib.rs
        0 with<gc::Heap, gc::make::{closure_env#0}<app::View<app::User>>, u8> L/std/src/thread/local.rs";
    let around = |function: &str| format!("{made}\n 1 {function} /h/registry/src/i/gc-1.0.0/src/lib.rs");
    check(&around("make<app::View<app::Order>>"), 8, 64, Some("Box<gc::Cell<app::View<app::Order>>>"));
    check(&around("make<app::View<app::Order>, u8>"), 8, 64, Some("Box<gc::Cell<app::View<app::User>>>"));
    check(&around("{closure#1}<app::View<app::Order>>"), 8, 64, Some("Box<gc::Cell<app::View<app::User>>>"));
}

#[test]
fn symbols_alone_tell_elements() {
    let named = |names: &[&str]| {
        let frames: Vec<[Source; 1]> =
            names.iter().map(|name| [Source { function: (*name).to_owned(), ..Source::default() }]).collect();
        let frames: Vec<&[Source]> = frames.iter().map(|frame| &frame[..]).collect();
        classify(&frames, 8, 96)
    };
    let helpers =
        ["<alloc::raw_vec::RawVecInner>::finish_grow", "<alloc::raw_vec::RawVec<app::Order>>::grow_one"];
    assert_eq!(named(&[helpers[0], helpers[1], "<app::Orders>::push"]).as_deref(), Some("Vec<app::Order>"));
    // The older names have no arguments.
    assert_eq!(named(&["alloc::raw_vec::RawVec<T,A>::grow_one", "app::Orders::push"]), None);
    assert_eq!(named(&["<alloc::vec::Vec<T> as app::Grow>::grow", "app::main"]), None);
}

#[test]
fn crates_that_ask_the_allocator_themselves() {
    let raw = |function: &str, file: &str| {
        format!("0 alloc L/alloc/src/alloc.rs\n 0 {function} /h/registry/src/i/{file}")
    };
    let check = |text: &str, expected: Option<&str>| check(text, 8, 64, expected);
    check(
        &raw("alloc<u64, app::Order>", "crossbeam-skiplist-0.1.3/src/base.rs"),
        Some("SkipMap<u64, app::Order>"),
    );
    check(
        &raw("alloc<papaya::raw::Entry<u64, app::Order>>", "papaya-0.2.5/src/raw/alloc.rs"),
        Some("papaya::HashMap<u64, app::Order>"),
    );
    let text = raw("grow<u8>", "ecow-0.2.6/src/vec.rs");
    check(&format!("{text}\n 1 main src/main.rs"), Some("EcoVec<u8>"));
    check(&format!("{text}\n 0 from_slice /h/registry/src/i/ecow-0.2.6/src/dynamic.rs"), Some("EcoString"));
    let buckets = raw("alloc<u64, app::Order, ()>", "scc-3.8.8/src/hash_table/bucket_array.rs");
    let table = "0 try_resize<scc::hash_map::HashMap<u64, app::Order, app::H>, u64> /h/registry/src/i/scc-3.8.8/src/hash_table.rs";
    check(&format!("{buckets}\n {table}"), Some("scc::HashMap<u64, app::Order>"));
    check(&raw("make<u8>", "unheard-of-0.1.0/src/lib.rs"), None);
}

#[test]
fn what_an_element_allocates_when_cloned_is_its_own() {
    let inner = "
        0 with_capacity_in<u8,alloc::alloc::Global> L/alloc/src/vec/mod.rs
        0 to_vec_in<u8,alloc::alloc::Global> L/alloc/src/slice.rs
        0 clone<u8,alloc::alloc::Global> L/alloc/src/vec/mod.rs
        1 to_vec<alloc::vec::Vec<u8>,alloc::alloc::Global> L/alloc/src/slice.rs
        1 clone<alloc::vec::Vec<u8>,alloc::alloc::Global> L/alloc/src/vec/mod.rs
        2 main src/main.rs";
    check(inner, 1, 9, Some("Vec<u8>"));
}

#[test]
fn a_type_that_does_not_fit_the_block_is_not_said() {
    let text = "
        0 with_capacity_in<u64,alloc::alloc::Global> L/alloc/src/vec/mod.rs
        1 main src/main.rs";
    check(text, 8, 24, Some("Vec<u64>"));
    check(text, 4, 24, None);
    check(text, 8, 20, None);
}

#[test]
fn maps_sets_and_tables_are_told_apart() {
    let raw = |entry: &str| {
        format!(
            "0 new_uninitialized<alloc::alloc::Global> H/raw/mod.rs
             0 reserve_rehash<{entry},alloc::alloc::Global,app::hasher::{{closure_env#0}}> H/raw/mod.rs\n"
        )
    };
    let check = |text: String, expected: &str| check(&text, 16, 52, Some(expected));
    let map = "1 insert<u64,app::Order,std::hash::random::RandomState,alloc::alloc::Global> H/map.rs\n 2 main src/main.rs";
    check(raw("(u64, app::User)") + map, "HashMap<u64, app::Order>");
    let set =
        "1 insert<app::Id,std::hash::random::RandomState,alloc::alloc::Global> H/set.rs\n 2 main src/main.rs";
    check(raw("(app::Id, ())") + set, "HashSet<app::Id>");
    let table = "0 insert_unique<(u8, app::Id),alloc::alloc::Global> H/table.rs\n 1 main src/main.rs";
    check(raw("(u8, app::Id)") + table, "HashTable<(u8, app::Id)>");
    let shared = "0 insert<u64> /r/registry/src/i/dashmap-6.1.0/src/lib.rs\n 1 main src/main.rs";
    check(raw("(u64, dashmap::util::SharedValue<app::User>)") + shared, "DashMap<u64, app::User>");
}

#[test]
fn raw_allocations_and_foreign_code_have_no_type() {
    check("0 alloc L/alloc/src/alloc.rs\n 1 main src/main.rs", 8, 8, None);
    check("0 alloc L/alloc/src/alloc.rs", 8, 8, None);
    assert_eq!(classify(&[], 8, 8), None);
    let buried = "
        0 with_capacity<u8> L/alloc/src/vec/mod.rs
        2 from L/alloc/src/string.rs";
    // The frame between has no name: what is further out is not the owner's.
    check(buried, 1, 8, Some("Vec<u8>"));
}

#[test]
fn names_are_short_and_unambiguous() {
    let said = |content: &str| {
        let frames = stack(&format!("0 new<{content}> L/alloc/src/boxed.rs\n1 main src/main.rs"));
        let frames: Vec<&[Source]> = frames.iter().map(Vec::as_slice).collect();
        classify(&frames, 8, 64).unwrap_or_default()
    };
    assert_eq!(said("app::fetch::{async_fn_env#0}"), "Box<app::fetch::{async_fn_env#0}>");
    assert_eq!(
        said("app::f::{closure_env#0}<u8, core::option::Option<u8>>"),
        "Box<app::f::{closure_env#0}<u8, Option<u8>>>"
    );
    assert_eq!(
        said("std::collections::hash::map::HashMap<u8, app::A, std::hash::random::RandomState>"),
        "Box<HashMap<u8, app::A>>"
    );
    assert_eq!(said("core::result::Result<app::A, std::io::error::Error>"), "Box<Result<app::A, io::Error>>");
    assert_eq!(said("core::mem::maybe_uninit::MaybeUninit<app::A>"), "Box<app::A>");
    assert_eq!(
        said("dyn core::future::future::Future<Output=alloc::string::String>"),
        "Box<dyn Future<Output=String>>"
    );
    assert_eq!(said("fn(u8) -> app::A"), "Box<fn(u8) -> app::A>");
}

#[test]
fn names_that_make_no_sense_are_no_trouble() {
    let deep = "[".repeat(100_000);
    let nested = "a<".repeat(50_000);
    let odd = [
        "<",
        ">",
        "<>",
        "a<",
        "a>",
        "(",
        "((,",
        "[;]",
        "[a; ]",
        "->",
        "{",
        "}<",
        "a::",
        "::<é, 名>",
        "&",
        "dyn ",
        "",
    ];
    for name in odd.iter().copied().chain([deep.as_str(), nested.as_str()]) {
        for file in ["boxed.rs", "sync.rs", "raw_vec/mod.rs", "vec/mod.rs", "collections/btree/node.rs"] {
            let function = format!("new_leaf<{name}, {name}>");
            for function in [name, function.as_str()] {
                let inner = Source {
                    function: function.to_owned(),
                    file: format!("/rustc/0/library/alloc/src/{file}"),
                    ..Source::default()
                };
                let said = classify(&[&[inner.clone(), inner.clone()], &[inner], &[]], 8, 64);
                assert!(said.is_none_or(|it| !it.is_empty()));
            }
        }
    }
}
