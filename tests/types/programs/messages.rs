//! Messages of several encodings, through channels and a pool of threads.
//@ prost = "0.14"
//@ bytes = "1"
//@ rayon = "1"
//@ crossbeam-channel = "0.5"
//@ crossbeam-queue = "0.3"
//@ flume = "0.12"
//@ async-channel = "2"
//@ kanal = "0.1"
//@ serde = { version = "1", features = ["derive"] }
//@ rmp-serde = "1"
//@ rmpv = "1"
//@ bincode = "1"
//@ postcard = { version = "1", features = ["use-std"] }
//@ ciborium = "0.2"
//@ rkyv = "0.8"
//@ borsh = { version = "1", features = ["derive"] }
//@ flate2 = "1"
//@ lz4_flex = "0.11"
use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    events: Vec<Event>,
    #[prost(map = "string, string", tag = "4")]
    tags: HashMap<String, String>,
    #[prost(bytes = "bytes", tag = "5")]
    body: Bytes,
    #[prost(message, optional, boxed, tag = "6")]
    parent: Option<Box<Span>>,
    #[prost(uint64, repeated, tag = "7")]
    times: Vec<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(oneof = "What", tags = "2, 3")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(bytes, tag = "2")]
    Raw(Vec<u8>),
    #[prost(double, tag = "3")]
    Number(f64),
}

#[derive(Clone, Debug, Serialize, Deserialize, borsh::BorshSerialize, borsh::BorshDeserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
struct Reading {
    sensor: String,
    values: Vec<f64>,
    state: State,
    labels: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, borsh::BorshSerialize, borsh::BorshDeserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
enum State {
    Good,
    Bad(Vec<String>),
}

fn span(id: u64) -> Span {
    Span {
        id,
        name: format!("span {id}"),
        events: (0..id % 4).map(|it| Event { text: format!("event {it}"), what: Some(if it % 2 == 0 { What::Raw(vec![1; 20]) } else { What::Number(0.5) }) }).collect(),
        tags: (0..id % 3).map(|it| (format!("tag {it}"), format!("value {id}"))).collect(),
        body: Bytes::from(vec![id as u8; 30]),
        parent: (id % 5 == 1).then(|| Box::new(Span { id: id + 1, ..Span::default() })),
        times: (0..id % 6).collect(),
    }
}

fn reading(id: u64) -> Reading {
    Reading {
        sensor: format!("sensor {id}"),
        values: (0..id % 20).map(|it| it as f64).collect(),
        state: if id % 2 == 0 { State::Good } else { State::Bad(vec![format!("too hot at {id}")]) },
        labels: (0..id % 3).map(|it| (format!("label {it}"), it as u32)).collect(),
    }
}

fn main() {
    let n = 5000;
    let spans: Vec<Span> = (0..n).map(span).collect();
    let encoded: Vec<Vec<u8>> = spans.iter().map(Message::encode_to_vec).collect();
    let shared: Vec<Bytes> = encoded.iter().map(|it| Bytes::copy_from_slice(it)).collect();
    let decoded: Vec<Span> = shared.iter().map(|it| Span::decode(it.clone()).unwrap()).collect();
    let from_slices: Vec<Span> = encoded.par_iter().map(|it| Span::decode(&it[..]).unwrap()).collect();

    let mut framed = BytesMut::new();
    for span in &spans {
        framed.put_u32(span.encoded_len() as u32);
        span.encode(&mut framed).unwrap();
    }
    let mut rest = framed.freeze();
    let mut frames = Vec::new();
    while rest.has_remaining() {
        let length = rest.get_u32() as usize;
        frames.push(rest.split_to(length));
    }

    let readings: Vec<Reading> = (0..n).into_par_iter().map(reading).collect();
    let packed: Vec<Vec<u8>> = readings.par_iter().map(|it| rmp_serde::to_vec(it).unwrap()).collect();
    let unpacked: Vec<Reading> = packed.par_iter().map(|it| rmp_serde::from_slice(it).unwrap()).collect();
    let values: Vec<rmpv::Value> = packed.iter().map(|it| rmpv::decode::read_value(&mut &it[..]).unwrap()).collect();
    let binary = bincode::serialize(&readings).unwrap();
    let from_binary: Vec<Reading> = bincode::deserialize(&binary).unwrap();
    let post = postcard::to_stdvec(&readings).unwrap();
    let from_post: Vec<Reading> = postcard::from_bytes(&post).unwrap();
    let mut cbor = Vec::new();
    ciborium::into_writer(&readings, &mut cbor).unwrap();
    let from_cbor: Vec<Reading> = ciborium::from_reader(&cbor[..]).unwrap();
    let cbor_tree: ciborium::Value = ciborium::from_reader(&cbor[..]).unwrap();
    let borsh_bytes = borsh::to_vec(&readings).unwrap();
    let from_borsh: Vec<Reading> = borsh::from_slice(&borsh_bytes).unwrap();
    let archived = rkyv::to_bytes::<rkyv::rancor::Error>(&readings).unwrap();
    let from_archive: Vec<Reading> = rkyv::from_bytes::<Vec<Reading>, rkyv::rancor::Error>(&archived).unwrap();

    let by_sensor: HashMap<String, Vec<Reading>> =
        readings.par_iter().fold(HashMap::new, |mut map: HashMap<String, Vec<Reading>>, it| {
            map.entry(it.sensor.clone()).or_default().push(it.clone());
            map
        }).reduce(HashMap::new, |mut a, b| { a.extend(b); a });
    let mut sorted: Vec<(String, f64)> = readings.par_iter().map(|it| (it.sensor.clone(), it.values.iter().sum())).collect();
    sorted.par_sort_by(|a, b| a.0.cmp(&b.0));
    let (good, bad): (Vec<Reading>, Vec<Reading>) = unpacked.par_iter().cloned().partition(|it| matches!(it.state, State::Good));

    let (crossbeam, got1) = crossbeam_channel::unbounded();
    let (bounded, got2) = crossbeam_channel::bounded(n as usize);
    let (flume, got3) = flume::unbounded();
    let (asynchronous, got4) = async_channel::unbounded();
    let (kanal, got5) = kanal::unbounded();
    let (standard, got6) = std::sync::mpsc::channel();
    let queue = crossbeam_queue::SegQueue::new();
    let ring = crossbeam_queue::ArrayQueue::new(n as usize);
    for id in 0..n {
        crossbeam.send(reading(id)).unwrap();
        bounded.send(reading(id)).unwrap();
        flume.send(reading(id)).unwrap();
        asynchronous.try_send(reading(id)).unwrap();
        kanal.send(reading(id)).unwrap();
        standard.send(reading(id)).unwrap();
        queue.push(reading(id));
        ring.push(reading(id)).unwrap();
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, &binary).unwrap();
    let lz4 = lz4_flex::compress_prepend_size(&binary);

    black_box((&spans, &encoded, &shared, &decoded, &from_slices, &frames, &readings, &packed, &unpacked, &values));
    black_box((&from_binary, &from_post, &from_cbor, &cbor_tree, &from_borsh, &archived, &from_archive, &by_sensor));
    black_box((&sorted, &good, &bad, &got1, &got2, &got3, &got4, &got5, &got6, &queue, &ring, &encoder, &lz4));
    println!("{} frames, {} good, {} packed", frames.len(), good.len(), lz4.len());
}
