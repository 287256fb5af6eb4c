//! Sites as they stand in services: containers in structs, generic helpers, threads.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Condvar, LazyLock, Mutex, mpsc};

use super::{Order, User, sites};

#[derive(Default)]
struct Cache<K, V> {
    entries: HashMap<K, V>,
    recent: VecDeque<K>,
    index: BTreeMap<String, BTreeSet<u64>>,
}

impl<K: Clone + Eq + std::hash::Hash, V> Cache<K, V> {
    fn put(&mut self, key: K, value: V) {
        self.entries.insert(key, value);
    }

    fn touch(&mut self, key: &K) {
        self.recent.push_back(key.clone());
    }
}

struct Money(u64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents: Vec<u64> = vec![self.0 % 100; black_box(1)];
        write!(f, "{}.{:02}", self.0 / 100, cents[0])
    }
}

#[derive(Clone)]
enum Node {
    Leaf(u64),
    Branch(Vec<Node>),
}

fn grow(depth: u32) -> Node {
    if depth == 0 { Node::Leaf(1) } else { Node::Branch((0..2).map(|_| grow(depth - 1)).collect()) }
}

fn count(node: &Node) -> u64 {
    match node {
        Node::Leaf(count) => *count,
        Node::Branch(nodes) => nodes.iter().map(count).sum(),
    }
}

fn duplicate<T: Clone>(item: &T, count: usize) -> Vec<T> {
    std::iter::repeat_n(item.clone(), count).collect()
}

fn escape(text: &str) -> Cow<'_, str> {
    if text.contains('<') { Cow::Owned(text.replace('<', "&lt;")) } else { Cow::Borrowed(text) }
}

sites! {
    cache_put "HashMap<u64, Order>" |r| {
        let mut cache: Cache<u64, Order> = Cache::default();
        r.record(|| cache.put(black_box(1), Order::new(1)));
    }
    cache_put_text "HashMap<String, User>" |r| {
        let mut cache: Cache<String, User> = Cache::default();
        let key = String::from("key");
        r.record(|| cache.put(key, User::default()));
    }
    cache_touch "VecDeque<u64>" |r| {
        let mut cache: Cache<u64, Order> = Cache::default();
        r.record(|| cache.touch(&black_box(1)));
    }
    cache_index "BTreeMap<String, BTreeSet<u64>> & BTreeSet<u64>" |r| {
        let mut cache: Cache<u64, Order> = Cache::default();
        let key = String::from("key");
        r.record(|| cache.index.entry(key).or_default().insert(black_box(4)));
    }
    display_vec "Vec<u64> & String" |r| { r.record(|| Money(black_box(1234)).to_string()); }
    display_written "Vec<u64>" |r| {
        let mut text = String::with_capacity(100);
        r.record(|| fmt::Write::write_fmt(&mut text, format_args!("{}", Money(black_box(1234)))).is_ok());
    }
    tree_of_vectors "Vec<Node>" |r| {
        let tree = r.record(|| grow(black_box(3)));
        black_box(count(&tree));
    }
    tree_cloned "Vec<Node>" |r| {
        let tree = grow(3);
        r.record(|| tree.clone());
    }
    duplicated "Vec<(u8, u64)>" |r| { r.record(|| duplicate(&(1u8, 2u64), black_box(5))); }
    duplicated_text "Vec<String> & String" |r| {
        let text = String::from("text");
        r.record(|| duplicate(&text, black_box(5)));
    }
    escaped "String" |r| { r.record(|| escape(black_box("a<b")).into_owned()); }
    unzipped "Vec<u64> & Vec<u32>" |r| {
        r.record(|| (0..black_box(9u32)).map(|it| (u64::from(it), it)).unzip::<u64, u32, Vec<u64>, Vec<u32>>());
    }
    partitioned "Vec<u32>" |r| { r.record(|| (0..black_box(9u32)).partition::<Vec<u32>, _>(|it| it % 2 == 0)); }
    chunked "Vec<Vec<u64>> & Vec<u64>" |r| {
        let list: Vec<u64> = (0..100).collect();
        r.record(|| list.chunks(black_box(10)).map(<[u64]>::to_vec).collect::<Vec<_>>());
    }
    grouped "HashMap<bool, Vec<u64>> & Vec<u64>" |r| {
        r.record(|| {
            let mut groups: HashMap<bool, Vec<u64>> = HashMap::new();
            for id in 0..black_box(9u64) {
                groups.entry(id % 2 == 0).or_default().push(id);
            }
            groups
        });
    }
    flat_mapped "Vec<char>" |r| {
        let words = ["one", "two"];
        r.record(|| words.iter().flat_map(|word| word.chars()).collect::<Vec<_>>());
    }
    collected_strings "Vec<String> & String" |r| {
        r.record(|| black_box("a b c").split(' ').map(str::to_owned).collect::<Vec<_>>());
    }
    collected_boxes "Vec<Box<Order>> & Box<Order>" |r| {
        r.record(|| (0..black_box(4)).map(|it| Box::new(Order::new(it))).collect::<Vec<_>>());
    }
    collected_arcs "HashMap<u64, Arc<Order>> & Arc<Order>" |r| {
        r.record(|| (0..black_box(4)).map(|it| (it, Arc::new(Order::new(it)))).collect::<HashMap<_, _>>());
    }
    set_of_texts "BTreeSet<String> & String & Vec<String>" |r| {
        r.record(|| black_box("b a c").split(' ').map(String::from).collect::<BTreeSet<_>>());
    }
    set_union "HashSet<u32>" |r| {
        let (left, right): (HashSet<u32>, HashSet<u32>) = ((0..9).collect(), (5..20).collect());
        r.record(|| &left | &right);
    }
    heap_of_reversed "BinaryHeap<Reverse<(u64, u32)>>" |r| {
        let mut heap = BinaryHeap::new();
        r.record(|| heap.push(std::cmp::Reverse((black_box(1u64), 2u32))));
    }
    shared_vector "Rc<RefCell<Vec<u32>>> & Vec<u32>" |r| {
        r.record(|| {
            let list = Rc::new(RefCell::new(Vec::new()));
            list.borrow_mut().push(black_box(1u32));
            list
        });
    }
    locked_vector "Vec<Order>" |r| {
        let list = Mutex::new(Vec::new());
        r.record(|| list.lock().unwrap().push(Order::new(black_box(1))));
    }
    pair_of_condvar "Arc<(Mutex<bool>, Condvar)>" |r| { r.record(|| Arc::new((Mutex::new(false), Condvar::new()))); }
    option_of_box "Box<User>" |r| {
        let mut slot: Option<Box<User>> = None;
        r.record(|| slot.get_or_insert_with(Box::default).id);
    }
    box_of_vector "Box<Vec<u8>> & Vec<u8>" |r| { r.record(|| Box::new(vec![black_box(1u8); 20])); }
    boxed_iterator "Box<Filter<Range<u64>, {closure_env#0}>>|Box<Filter<Range<u64>, {closure_env#1}>>" |r| {
        r.record(|| -> Box<dyn Iterator<Item = u64>> { Box::new((0..black_box(9u64)).filter(|it| it % 2 == 0)) });
    }
    boxed_functions "Vec<Box<dyn Fn<(u64), Output=u64>>>|Vec<Box<dyn Fn<(u64,), Output=u64>>> & Box<{closure_env#0}> & Box<{closure_env#1}>" |r| {
        let (one, two) = (black_box(1u64), black_box(2u64));
        r.record(|| -> Vec<Box<dyn Fn(u64) -> u64>> {
            let mut list: Vec<Box<dyn Fn(u64) -> u64>> = Vec::with_capacity(black_box(2));
            list.push(Box::new(move |it| it + one));
            list.push(Box::new(move |it| it * two));
            list
        });
    }
    lazily "HashMap<&str, u64>" |r| {
        static PRICES: LazyLock<HashMap<&str, u64>> = LazyLock::new(|| HashMap::from([("tea", 3), ("bread", 4)]));
        r.record(|| PRICES.get("tea").copied());
    }
    map_from_array "BTreeMap<&str, u64>" |r| {
        r.record(|| BTreeMap::from([("tea", black_box(3u64)), ("bread", 4)]));
    }
    thread_locally "Vec<u16>" |r| {
        thread_local! { static BUFFER: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) }; }
        r.record(|| BUFFER.with_borrow_mut(|buffer| buffer.resize(black_box(50), 7)));
    }
    sent_boxes "mpsc<Box<Order>>" |r| {
        let (sender, _receiver) = mpsc::channel();
        let order = Box::new(Order::new(1));
        r.record(|| sender.send(order).is_ok());
    }
    lines_of_text "String & Vec<String>" |r| {
        r.record(|| std::io::BufRead::lines(black_box("a\nb\nc").as_bytes()).map_while(Result::ok).collect::<Vec<_>>());
    }
    retained "Vec<Order>" |r| {
        let mut list: Vec<Order> = (0..40).map(Order::new).collect();
        list.retain(|order| order.id < black_box(4));
        r.record(|| list.shrink_to(black_box(5)));
    }
    in_place "Vec<u64>|Vec<u32>" |r| {
        let list: Vec<u64> = (0..40).collect();
        r.record(|| list.into_iter().map(|it| it as u32).filter(|it| it % 3 == 0).collect::<Vec<u32>>());
    }
    spliced "Vec<u64>" |r| {
        let mut list: Vec<u64> = vec![1, 2, 3];
        list.shrink_to_fit();
        r.record(|| list.splice(1..2, (0..black_box(30u64)).filter(|it| it % 2 == 0)).count());
    }
    drained "Vec<Order>" |r| {
        let mut list: Vec<Order> = (0..9).map(Order::new).collect();
        r.record(|| list.drain(..black_box(4)).collect::<Vec<_>>());
    }
    text_drained "String" |r| {
        let mut text = String::from("some text");
        r.record(|| text.drain(..black_box(4)).collect::<String>());
    }
    formatted_list "String" |r| {
        let list = [black_box(1u8), 2, 3];
        r.record(|| format!("{list:?}"));
    }
}
