//! Maps, sets, queues and lists of the standard library.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;
use std::sync::mpsc;

use super::{Order, User, sites};

sites! {
    hash_map_insert "HashMap<u64, Order>" |r| {
        let mut map = HashMap::new();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    hash_map_with_capacity "HashMap<u32, User>" |r| {
        r.record(|| HashMap::<u32, User>::with_capacity(black_box(50)));
    }
    hash_map_grow "HashMap<u32, u32>" |r| {
        r.record(|| {
            let mut map = HashMap::new();
            for i in 0..black_box(100u32) {
                map.insert(i, i);
            }
            map
        });
    }
    hash_map_entry "HashMap<String, u64>" |r| {
        let (mut map, key) = (HashMap::<String, u64>::new(), String::from("key"));
        r.record(|| *map.entry(key).or_insert(0) += 1);
    }
    hash_map_entry_or_default "HashMap<u64, Vec<Order>>" |r| {
        let mut map = HashMap::<u64, Vec<Order>>::new();
        r.record(|| map.entry(black_box(4)).or_default().len());
    }
    hash_map_collect "HashMap<u64, Order>" |r| {
        r.record(|| (0..black_box(20)).map(|it| (it, Order::new(it))).collect::<HashMap<_, _>>());
    }
    hash_map_clone "HashMap<u64, u64>" |r| {
        let map: HashMap<u64, u64> = (0..30).map(|it| (it, it)).collect();
        r.record(|| map.clone());
    }
    hash_map_clone_deep "HashMap<u64, Order>" |r| {
        let map: HashMap<u64, Order> = (0..30).map(|it| (it, Order::new(it))).collect();
        r.record(|| map.clone());
    }
    hash_map_reserve "HashMap<[u8; 16], bool>" |r| {
        let mut map = HashMap::<[u8; 16], bool>::new();
        r.record(|| map.reserve(black_box(50)));
    }
    hash_map_extend "HashMap<char, usize>" |r| {
        let mut map = HashMap::new();
        r.record(|| map.extend(black_box("abcdef").chars().zip(0usize..)));
    }
    hash_map_shrink "HashMap<u64, Order>" |r| {
        let mut map: HashMap<u64, Order> = HashMap::with_capacity(100);
        map.insert(black_box(1), Order::new(1));
        r.record(|| map.shrink_to_fit());
    }
    hash_map_hasher "HashMap<u64, Order>" |r| {
        let mut map: HashMap<u64, Order, BuildHasherDefault<DefaultHasher>> = HashMap::default();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    hash_map_nested "HashMap<(u32, u32), HashMap<u64, Order>>" |r| {
        let mut map = HashMap::new();
        r.record(|| map.insert(black_box((1u32, 2u32)), HashMap::<u64, Order>::new()));
    }
    hash_set_insert "HashSet<u64>" |r| {
        let mut set = HashSet::new();
        r.record(|| set.insert(black_box(1u64)));
    }
    hash_set_collect "HashSet<u32>" |r| { r.record(|| (0..black_box(20u32)).collect::<HashSet<_>>()); }
    hash_set_with_capacity "HashSet<Order>" |r| { r.record(|| HashSet::<Order>::with_capacity(black_box(20))); }
    hash_set_text "HashSet<&str>" |r| { r.record(|| black_box("a b c").split(' ').collect::<HashSet<_>>()); }
    b_tree_map_insert "BTreeMap<u64, Order>" |r| {
        let mut map = BTreeMap::new();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    b_tree_map_many "BTreeMap<u32, u16>" |r| {
        r.record(|| {
            let mut map = BTreeMap::new();
            for i in 0..black_box(200u32) {
                map.insert(i.reverse_bits(), i as u16);
            }
            map
        });
    }
    b_tree_map_entry "BTreeMap<String, u64>" |r| {
        let (mut map, key) = (BTreeMap::<String, u64>::new(), String::from("key"));
        r.record(|| *map.entry(key).or_insert(0) += 1);
    }
    b_tree_map_clone "BTreeMap<u64, u64>" |r| {
        let map: BTreeMap<u64, u64> = (0..5).map(|it| (it, it)).collect();
        r.record(|| map.clone());
    }
    b_tree_map_collect "BTreeMap<u8, Order> & Vec<(u8, Order)>" |r| {
        r.record(|| (0..black_box(30u8)).map(|it| (it, Order::new(it.into()))).collect::<BTreeMap<_, _>>());
    }
    b_tree_set_insert "BTreeSet<u64>" |r| {
        let mut set = BTreeSet::new();
        r.record(|| set.insert(black_box(1u64)));
    }
    b_tree_set_collect "BTreeSet<Order> & Vec<Order>" |r| {
        r.record(|| (0..black_box(30)).map(Order::new).collect::<BTreeSet<_>>());
    }
    deque_push "VecDeque<Order>" |r| {
        let mut queue = VecDeque::new();
        r.record(|| queue.push_back(Order::new(black_box(1))));
    }
    deque_push_front "VecDeque<u32>" |r| {
        let mut queue = VecDeque::new();
        r.record(|| queue.push_front(black_box(1u32)));
    }
    deque_with_capacity "VecDeque<User>" |r| { r.record(|| VecDeque::<User>::with_capacity(black_box(9))); }
    deque_extend "VecDeque<u64>" |r| {
        let mut queue = VecDeque::new();
        r.record(|| queue.extend(0..black_box(40u64)));
    }
    deque_collect "VecDeque<u64>" |r| {
        r.record(|| (0..black_box(40u64)).map(|it| it * 2).collect::<VecDeque<_>>());
    }
    deque_clone "VecDeque<Order>" |r| {
        let queue: VecDeque<Order> = (0..4).map(Order::new).collect();
        r.record(|| queue.clone());
    }
    heap_push "BinaryHeap<u64>" |r| {
        let mut heap = BinaryHeap::new();
        r.record(|| heap.push(black_box(1u64)));
    }
    heap_with_capacity "BinaryHeap<Order>" |r| { r.record(|| BinaryHeap::<Order>::with_capacity(black_box(9))); }
    heap_collect "BinaryHeap<u32>" |r| { r.record(|| (0..black_box(20u32)).collect::<BinaryHeap<_>>()); }
    list_push "LinkedList<Order>" |r| {
        let mut list = LinkedList::new();
        r.record(|| list.push_back(Order::new(black_box(1))));
    }
    list_collect "LinkedList<u32>" |r| { r.record(|| (0..black_box(3u32)).collect::<LinkedList<_>>()); }
    mpsc_send "mpsc<Order>" |r| {
        let (sender, _receiver) = mpsc::channel();
        r.record(|| sender.send(Order::new(black_box(1))).is_ok());
    }
    mpsc_bounded "mpsc<Order>" |r| { r.record(|| mpsc::sync_channel::<Order>(black_box(4))); }
    mpsc_new "mpsc<Order>" |r| { r.record(mpsc::channel::<Order>); }
}
