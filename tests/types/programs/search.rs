//! Search engines, embedded databases and automata.
//@ tantivy = { version = "0.25", default-features = false, features = ["mmap", "lz4-compression"] }
//@ sled = "0.34"
//@ redb = "3"
//@ fjall = "2"
//@ regex = "1"
//@ aho-corasick = "1"
//@ fst = "0.4"
//@ tempfile = "3"
//@ radix_trie = "0.3"
//@ rstar = "0.12"
use std::hint::black_box;
use tantivy::schema::{STORED, Schema, TEXT};

fn word(id: u64) -> String {
    format!("w{:x}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44)
}

fn text(id: u64) -> String {
    (0..30).map(|it| word(id * 7 + it)).collect::<Vec<_>>().join(" ")
}

fn main() {
    let mut schema = Schema::builder();
    let title = schema.add_text_field("title", TEXT | STORED);
    let body = schema.add_text_field("body", TEXT);
    let index = tantivy::Index::create_in_ram(schema.build());
    let mut writer = index.writer_with_num_threads(2, 60_000_000).unwrap();
    for id in 0..20_000 {
        writer.add_document(tantivy::doc!(title => word(id), body => text(id))).unwrap();
    }
    writer.commit().unwrap();
    let reader = index.reader().unwrap();
    let searcher = reader.searcher();
    let query = tantivy::query::QueryParser::for_index(&index, vec![title, body]).parse_query(&word(77)).unwrap();
    let found = searcher.search(&query, &tantivy::collector::TopDocs::with_limit(10)).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let sled = sled::Config::new().path(folder.path().join("sled")).cache_capacity(32 << 20).open().unwrap();
    for id in 0..20_000u64 {
        sled.insert(id.to_be_bytes(), text(id).as_bytes()).unwrap();
    }
    let redb = redb::Database::create(folder.path().join("redb")).unwrap();
    let definition: redb::TableDefinition<'_, u64, &str> = redb::TableDefinition::new("texts");
    let transaction = redb.begin_write().unwrap();
    {
        let mut table = transaction.open_table(definition).unwrap();
        for id in 0..20_000 {
            table.insert(id, text(id).as_str()).unwrap();
        }
    }
    transaction.commit().unwrap();
    let keyspace = fjall::Config::new(folder.path().join("fjall")).open().unwrap();
    let partition = keyspace.open_partition("texts", Default::default()).unwrap();
    for id in 0..20_000u64 {
        partition.insert(id.to_be_bytes(), text(id)).unwrap();
    }

    let words: Vec<String> = { let mut all: Vec<_> = (0..20_000).map(word).collect(); all.sort(); all.dedup(); all };
    let automaton = aho_corasick::AhoCorasick::builder().kind(Some(aho_corasick::AhoCorasickKind::DFA)).build(&words[..2000]).unwrap();
    let trie = aho_corasick::AhoCorasick::new(&words).unwrap();
    let set = regex::RegexSet::new(words.iter().take(60).map(|it| format!(r"\b{it}\w+"))).unwrap();
    let regexes: Vec<regex::Regex> = words.iter().take(50).map(|it| regex::Regex::new(&format!(r"(?i)(\w+)\s+{it}(\d{{2,8}})")).unwrap()).collect();
    let whole: String = (0..3000).map(text).collect();
    let hits = automaton.find_iter(&whole).count() + trie.find_iter(&whole).count() + set.matches(&whole[..2000]).len();
    let captured: usize = regexes.iter().take(20).map(|it| it.captures_iter(&whole[..20_000]).count()).sum();
    let fst = fst::Map::from_iter(words.iter().zip(0..)).unwrap();
    let mut radix = radix_trie::Trie::new();
    words.iter().zip(0u64..).for_each(|(word, id)| drop(radix.insert(word.clone(), id)));
    let points: Vec<[f64; 2]> = (0..20_000u64).map(|it| [(it * 7919 % 1000) as f64, (it * 104_729 % 997) as f64]).collect();
    let tree = rstar::RTree::bulk_load(points.clone());
    let mut grown = rstar::RTree::new();
    points.iter().for_each(|it| grown.insert(*it));
    black_box((&found, &sled, &redb, &partition, &automaton, &trie, &set, &regexes, &fst, &radix, &tree, &grown, &writer));
    println!("{} documents, {hits} hits, {captured}", searcher.num_docs());
}
