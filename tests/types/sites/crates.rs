//! What popular crates allocate.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::{BufMut, Bytes, BytesMut};
use dashmap::DashMap;
use indexmap::{IndexMap, IndexSet};
use serde_json::{Value, json};
use slab::Slab;
use smallvec::{SmallVec, smallvec};

use super::{Order, User, sites};

sites! {
    json_array "Vec<Value>" |r| { r.record(|| serde_json::from_str::<Value>(black_box("[1,2,3]")).unwrap()); }
    json_string "String" |r| { r.record(|| serde_json::from_str::<Value>(black_box("\"text\"")).unwrap()); }
    json_object "BTreeMap<String, Value> & String" |r| {
        r.record(|| serde_json::from_str::<Value>(black_box("{\"a\":1}")).unwrap());
    }
    json_insert "BTreeMap<String, Value>" |r| {
        let mut value = json!({});
        let key = String::from("key");
        r.record(|| value.as_object_mut().unwrap().insert(key, Value::Null));
    }
    json_to_string "Vec<u8>" |r| {
        let value = json!([1, 2, 3]);
        r.record(|| serde_json::to_string(&value).unwrap());
    }
    json_to_vec "Vec<u8>" |r| {
        let value = json!([1, 2, 3]);
        r.record(|| serde_json::to_vec(&value).unwrap());
    }
    json_typed "Vec<u64>" |r| { r.record(|| serde_json::from_str::<Vec<u64>>(black_box("[1,2,3]")).unwrap()); }
    json_error "Box<ErrorImpl>" |r| { r.record(|| serde_json::from_str::<u64>(black_box("x")).unwrap_err()); }
    smallvec_push "SmallVec<[Order; 2]>" |r| {
        let mut list: SmallVec<[Order; 2]> = smallvec![Order::new(black_box(1)), Order::new(2)];
        r.record(|| list.push(Order::new(3)));
    }
    smallvec_with_capacity "SmallVec<[u64; 4]>" |r| {
        r.record(|| SmallVec::<[u64; 4]>::with_capacity(black_box(40)));
    }
    smallvec_collect "SmallVec<[u32; 4]>" |r| {
        r.record(|| (0..black_box(30u32)).collect::<SmallVec<[u32; 4]>>());
    }
    index_map_insert "IndexMap<u64, Order>" |r| {
        let mut map = IndexMap::new();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    index_map_with_capacity "IndexMap<u32, User>" |r| {
        r.record(|| IndexMap::<u32, User>::with_capacity(black_box(20)));
    }
    index_map_collect "IndexMap<u64, u64>" |r| {
        r.record(|| (0..black_box(20u64)).map(|it| (it, it)).collect::<IndexMap<_, _>>());
    }
    index_set_insert "IndexSet<u64>" |r| {
        let mut set = IndexSet::new();
        r.record(|| set.insert(black_box(1u64)));
    }
    hashbrown_map "HashMap<u64, Order>" |r| {
        let mut map = hashbrown::HashMap::new();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    hashbrown_set "HashSet<u32>" |r| {
        let mut set = hashbrown::HashSet::new();
        r.record(|| set.insert(black_box(1u32)));
    }
    hashbrown_table "HashTable<Order>" |r| {
        let mut table = hashbrown::HashTable::new();
        r.record(|| table.insert_unique(black_box(1), Order::new(1), |order| order.id).get().id);
    }
    fx_map "HashMap<u64, Order>" |r| {
        let mut map = rustc_hash::FxHashMap::default();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    dash_map_insert "DashMap<u64, Order>" |r| {
        let map = DashMap::new();
        r.record(|| map.insert(black_box(1u64), Order::new(1)));
    }
    dash_map_entry "DashMap<u64, User>" |r| {
        let map: DashMap<u64, User> = DashMap::new();
        r.record(|| map.entry(black_box(1u64)).or_default().id);
    }
    dash_map_new "DashMap<u32, Order>" |r| { r.record(DashMap::<u32, Order>::new); }
    bytes_copy "Bytes" |r| { r.record(|| Bytes::copy_from_slice(black_box(b"some bytes"))); }
    bytes_mut_with_capacity "BytesMut" |r| { r.record(|| BytesMut::with_capacity(black_box(100))); }
    bytes_mut_grow "BytesMut" |r| {
        let mut bytes = BytesMut::new();
        r.record(|| bytes.extend_from_slice(black_box(b"some bytes")));
    }
    bytes_mut_put "BytesMut" |r| {
        let mut bytes = BytesMut::new();
        r.record(|| bytes.put_u64(black_box(7)));
    }
    bytes_shared "Bytes" |r| {
        let bytes = Bytes::from(vec![black_box(1u8), 2, 3]);
        r.record(|| bytes.clone());
    }
    crossbeam_unbounded "crossbeam_channel<Order>" |r| {
        let (sender, _receiver) = crossbeam_channel::unbounded();
        r.record(|| sender.send(Order::new(black_box(1))).is_ok());
    }
    crossbeam_bounded "crossbeam_channel<Order>" |r| { r.record(|| crossbeam_channel::bounded::<Order>(black_box(8))); }
    slab_insert "Vec<Entry<Order>>" |r| {
        let mut slab = Slab::new();
        r.record(|| slab.insert(Order::new(black_box(1))));
    }
    arc_swap_new "Arc<Order>" |r| {
        ArcSwap::from_pointee(Order::default());
        r.record(|| ArcSwap::from_pointee(Order::new(black_box(1))));
    }
    once_cell_box "Box<Order>" |r| {
        let cell = once_cell::sync::OnceCell::new();
        r.record(|| cell.get_or_init(|| Box::new(Order::new(black_box(1)))).id);
    }
    parking_lot_arc "Arc<RwLock<RawRwLock, Order>>" |r| {
        r.record(|| Arc::new(parking_lot::RwLock::new(Order::new(black_box(1)))));
    }
    anyhow_context "Box<ErrorImpl<ContextError<&str, Error>>>" |r| {
        let error = anyhow::Error::msg("no");
        r.record(|| error.context(black_box("more")));
    }
    url_parse "String" |r| { r.record(|| url::Url::parse(black_box("http://example.org/a")).unwrap()); }
    regex_replace "String" |r| {
        let regex = regex::Regex::new("b+").unwrap();
        regex.replace_all(black_box("abbbc"), "x");
        r.record(|| regex.replace_all(black_box("abbbc"), "x").into_owned());
    }
}
