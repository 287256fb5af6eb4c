//! Collections and small strings of popular crates, filled and held.
//@ petgraph = "0.8"
//@ indexmap = "2"
//@ hashbrown = "0.16"
//@ dashmap = "6"
//@ im = "15"
//@ imbl = "6"
//@ rpds = "1"
//@ slotmap = "1"
//@ lru = "0.16"
//@ moka = { version = "0.12", features = ["sync"] }
//@ bumpalo = { version = "3", features = ["collections"] }
//@ typed-arena = "2"
//@ smol_str = "0.3"
//@ compact_str = "0.9"
//@ ecow = "0.2"
//@ arcstr = "1"
//@ bstr = "1"
//@ fixedbitset = "0.5"
//@ bitvec = "1"
//@ roaring = "0.11"
//@ ndarray = "0.16"
//@ nalgebra = "0.34"
//@ scc = "3"
//@ papaya = "0.2"
//@ evmap = "10"
//@ priority-queue = "2"
//@ tinyvec = { version = "1", features = ["alloc"] }
//@ arrayvec = "0.7"
//@ smallvec = { version = "1", features = ["union"] }
//@ thin-vec = "0.2"
//@ string-interner = "0.19"
//@ triomphe = "0.1"
//@ crossbeam-skiplist = "0.1"
//@ generational-arena = "0.2"
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct City {
    name: String,
    people: u64,
}

impl City {
    fn new(id: u64) -> Self {
        Self { name: format!("city number {id}"), people: id * 31 }
    }
}

macro_rules! held {
    ($($made:expr),* $(,)?) => { black_box(($(Box::new($made) as Box<dyn std::any::Any>),*,)) };
}

fn graphs(n: u64) -> impl Sized {
    let mut graph = petgraph::Graph::<City, f32>::new();
    let nodes: Vec<_> = (0..n).map(|it| graph.add_node(City::new(it))).collect();
    for pair in nodes.windows(2) {
        graph.add_edge(pair[0], pair[1], 1.0);
    }
    let mut stable = petgraph::stable_graph::StableGraph::<u64, ()>::new();
    let ids: Vec<_> = (0..n).map(|it| stable.add_node(it)).collect();
    for pair in ids.windows(2) {
        stable.add_edge(pair[0], pair[1], ());
    }
    let map: petgraph::graphmap::DiGraphMap<u64, u8> = (0..n).map(|it| (it, it * 7 % n, 1)).collect();
    let paths = petgraph::algo::dijkstra(&graph, nodes[0], None, |it| *it.weight() as u64);
    held!(graph, stable, map, paths, ids)
}

fn maps(n: u64) -> impl Sized {
    let dash = dashmap::DashMap::new();
    (0..n).for_each(|it| drop(dash.insert(it, City::new(it))));
    let cache = moka::sync::Cache::new(n);
    (0..n).for_each(|it| cache.insert(it, Arc::new(City::new(it))));
    let mut lru = lru::LruCache::new(std::num::NonZeroUsize::new(n as usize).unwrap());
    (0..n).for_each(|it| drop(lru.put(it, City::new(it))));
    let scc = scc::HashMap::new();
    (0..n).for_each(|it| drop(scc.insert_sync(it, City::new(it))));
    let papaya = papaya::HashMap::new();
    (0..n).for_each(|it| drop(papaya.pin().insert(it, City::new(it))));
    let (read, mut write) = evmap::new::<u64, Box<u64>>();
    (0..n).for_each(|it| drop(write.insert(it, Box::new(it))));
    write.refresh();
    let skip = crossbeam_skiplist::SkipMap::new();
    (0..n).for_each(|it| drop(skip.insert(it, City::new(it))));
    let mut queue = priority_queue::PriorityQueue::new();
    (0..n).for_each(|it| drop(queue.push(City::new(it), it)));
    black_box(&read);
    let hashed: hashbrown::HashMap<u64, City> = (0..n).map(|it| (it, City::new(it))).collect();
    let set: hashbrown::HashSet<City> = (0..n).map(City::new).collect();
    let index: indexmap::IndexMap<String, City> = (0..n).map(|it| (it.to_string(), City::new(it))).collect();
    let index_set: indexmap::IndexSet<u64> = (0..n).collect();
    black_box((dash, cache, lru, scc, papaya, write, skip, queue, hashed, set, index, index_set))
}

fn persistent(n: u64) -> impl Sized {
    let map: im::HashMap<u64, City> = (0..n).map(|it| (it, City::new(it))).collect();
    let ordered: im::OrdMap<u64, u64> = (0..n).map(|it| (it, it)).collect();
    let vector: im::Vector<City> = (0..n).map(City::new).collect();
    let versions: Vec<im::HashMap<u64, City>> = (0..20).map(|it| map.update(it, City::new(1))).collect();
    let other: imbl::HashMap<u64, u64> = (0..n).map(|it| (it, it)).collect();
    let list: imbl::Vector<u64> = (0..n).collect();
    let mut trie = rpds::HashTrieMapSync::new_sync();
    (0..n).for_each(|it| trie.insert_mut(it, City::new(it)));
    let mut stack = rpds::List::new();
    (0..n).for_each(|it| stack.push_front_mut(it));
    black_box((map, ordered, vector, versions, other, list, trie, stack))
}

fn arenas(n: u64) -> impl Sized {
    let mut slots = slotmap::SlotMap::new();
    let keys: Vec<slotmap::DefaultKey> = (0..n).map(|it| slots.insert(City::new(it))).collect();
    let mut second = slotmap::SecondaryMap::new();
    keys.iter().for_each(|&key| drop(second.insert(key, 1u64)));
    let bump: &'static bumpalo::Bump = Box::leak(Box::new(bumpalo::Bump::new()));
    let bumped: bumpalo::collections::Vec<'static, u64> = bumpalo::collections::Vec::from_iter_in(0..n, bump);
    let arena: &'static typed_arena::Arena<City> = Box::leak(Box::new(typed_arena::Arena::new()));
    let allocated: Vec<&City> = (0..n).map(|it| &*arena.alloc(City::new(it))).collect();
    let mut generations = generational_arena::Arena::new();
    (0..n).for_each(|it| drop(generations.insert(City::new(it))));
    let mut interner: string_interner::DefaultStringInterner = Default::default();
    (0..n).for_each(|it| drop(interner.get_or_intern(format!("word {it}"))));
    black_box((slots, keys, second, bumped.len(), allocated, generations, interner))
}

fn strings(n: u64) -> impl Sized {
    let name = |it: u64| format!("a name that is too long to be kept in place {it}");
    let small: Vec<smol_str::SmolStr> = (0..n).map(|it| name(it).into()).collect();
    let compact: Vec<compact_str::CompactString> = (0..n).map(|it| name(it).into()).collect();
    let formatted: Vec<compact_str::CompactString> =
        (0..n).map(|it| compact_str::format_compact!("a name that is too long for it {it}")).collect();
    let eco: Vec<ecow::EcoString> = (0..n).map(|it| name(it).into()).collect();
    let eco_vec: ecow::EcoVec<u64> = (0..n).collect();
    let arcs: Vec<arcstr::ArcStr> = (0..n).map(|it| name(it).into()).collect();
    let bytes: Vec<bstr::BString> = (0..n).map(|it| name(it).into()).collect();
    let std: Vec<Arc<str>> = (0..n).map(|it| name(it).into()).collect();
    let rc: Vec<Rc<str>> = (0..n).map(|it| name(it).into()).collect();
    let boxed: Vec<Box<str>> = (0..n).map(|it| name(it).into()).collect();
    let tri: Vec<triomphe::Arc<City>> = (0..n).map(|it| triomphe::Arc::new(City::new(it))).collect();
    black_box((small, compact, formatted, eco, eco_vec, arcs, bytes, std, rc, boxed, tri))
}

fn numbers(n: u64) -> impl Sized {
    let mut bits = fixedbitset::FixedBitSet::with_capacity(n as usize * 100);
    bits.insert(7);
    let bit_vec: bitvec::vec::BitVec = (0..n * 100).map(|it| it % 3 == 0).collect();
    let roaring: roaring::RoaringBitmap = (0..n as u32 * 30).step_by(3).collect();
    let array = ndarray::Array2::<f64>::zeros((n as usize, 16));
    let product = array.dot(&ndarray::Array2::<f64>::eye(16));
    let matrix = nalgebra::DMatrix::<f64>::from_fn(n as usize, 16, |row, column| (row * column) as f64);
    let tiny: Vec<tinyvec::TinyVec<[u64; 4]>> = (0..n).map(|it| (0..it % 9).collect()).collect();
    let small: Vec<smallvec::SmallVec<[u64; 4]>> = (0..n).map(|it| (0..it % 9).collect()).collect();
    let thin: Vec<thin_vec::ThinVec<u64>> = (0..n).map(|it| (0..it % 9).collect()).collect();
    let fixed: Vec<Box<arrayvec::ArrayVec<u64, 8>>> = (0..n).map(|it| Box::new((0..it % 8).collect())).collect();
    black_box((bits, bit_vec, roaring, array, product, matrix, tiny, small, thin, fixed))
}

fn standard(n: u64) -> impl Sized {
    let map: HashMap<String, Vec<City>> = (0..n).map(|it| (it.to_string(), vec![City::new(it)])).collect();
    let tree: BTreeMap<u64, City> = (0..n).map(|it| (it, City::new(it))).collect();
    let trees: BTreeSet<City> = (0..n).map(City::new).collect();
    let set: HashSet<u64> = (0..n).collect();
    let heap: BinaryHeap<City> = (0..n).map(City::new).collect();
    let list: LinkedList<City> = (0..n).map(City::new).collect();
    let queue: VecDeque<City> = (0..n).map(City::new).collect();
    let shared: Vec<Arc<Mutex<City>>> = (0..n).map(|it| Arc::new(Mutex::new(City::new(it)))).collect();
    let grouped = (0..n).fold(HashMap::<u64, Vec<u64>>::new(), |mut groups, it| {
        groups.entry(it % 100).or_default().push(it);
        groups
    });
    let sorted = { let mut all: Vec<City> = tree.values().cloned().collect(); all.sort(); all };
    let slices: Box<[City]> = (0..n).map(City::new).collect();
    let arc_slice: Arc<[City]> = (0..n).map(City::new).collect();
    let calls: Vec<Box<dyn Fn() -> u64>> = (0..n).map(|it| Box::new(move || it) as Box<dyn Fn() -> u64>).collect();
    let lock = RwLock::new(vec![City::new(1); n as usize]);
    black_box((map, tree, trees, set, heap, list, queue, shared, grouped, sorted, slices, arc_slice, calls, lock))
}

fn main() {
    let n = 5_000;
    let held = (graphs(n), maps(n), persistent(n), arenas(n), strings(n), numbers(n), standard(n));
    black_box(&held);
    println!("done");
}
