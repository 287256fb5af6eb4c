//! Text of many formats, read into trees that are held.
//@ serde = { version = "1", features = ["derive"] }
//@ serde_json = "1"
//@ simd-json = "0.17"
//@ toml = "1"
//@ toml_edit = "0.25"
//@ syn = { version = "2", features = ["full", "extra-traits"] }
//@ proc-macro2 = { version = "1", features = ["span-locations"] }
//@ quick-xml = { version = "0.41", features = ["serialize"] }
//@ roxmltree = "0.21"
//@ csv = "1"
//@ scraper = "0.25"
//@ pulldown-cmark = "0.13"
//@ serde_norway = "0.9"
//@ ron = "0.12"
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize, Clone, Debug)]
struct User {
    name: String,
    id: u64,
    tags: Vec<String>,
    mail: Option<Box<str>>,
    place: Place,
    #[serde(default)]
    extra: HashMap<String, f64>,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "kind")]
enum Place {
    Known { x: f64, y: f64, names: BTreeMap<String, String> },
    Unknown { why: String },
}

#[derive(Serialize, Deserialize, Clone, Debug)]
struct Users {
    user: Vec<User>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
struct Row {
    id: u32,
    name: String,
    note: String,
}

fn users(count: u64) -> Users {
    let user = |id: u64| User {
        name: format!("user {id}"),
        id,
        tags: (0..id % 5).map(|it| format!("tag {it}")).collect(),
        mail: (id % 3 == 0).then(|| format!("user{id}@example.org").into()),
        place: match id % 2 {
            0 => Place::Unknown { why: format!("never asked {id}") },
            _ => Place::Known {
                x: id as f64,
                y: 1.5,
                names: [("en".to_owned(), format!("place {id}"))].into(),
            },
        },
        extra: (0..id % 4).map(|it| (format!("extra {it}"), it as f64)).collect(),
    };
    Users { user: (0..count).map(user).collect() }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().map(|it| it.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && found.len() < 120 {
            found.push(path);
        }
    }
}

fn main() {
    let made = users(4_000);
    let json = serde_json::to_string(&made).unwrap();
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    let typed: Users = serde_json::from_str(&json).unwrap();
    let from_tree: Users = serde_json::from_value(tree.clone()).unwrap();
    let to_tree = serde_json::to_value(&typed).unwrap();
    let mut bytes = json.clone().into_bytes();
    let simd = simd_json::to_owned_value(&mut bytes).unwrap();
    let mut again = json.clone().into_bytes();
    let simd_typed: Users = simd_json::from_slice(&mut again).unwrap();
    let mut third = json.clone().into_bytes();
    let tape = simd_json::to_tape(&mut third).unwrap();

    let text = toml::to_string(&made).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let from_toml: Users = toml::from_str(&text).unwrap();
    let edited: toml_edit::DocumentMut = text.parse().unwrap();

    let mut files = Vec::new();
    rust_files(Path::new(&std::env::args().nth(1).unwrap_or_else(|| ".".to_owned())), &mut files);
    let parsed: Vec<syn::File> = files
        .iter()
        .filter_map(|path| syn::parse_file(&std::fs::read_to_string(path).ok()?).ok())
        .collect();
    let tokens: Vec<proc_macro2::TokenStream> =
        files.iter().take(30).filter_map(|path| std::fs::read_to_string(path).ok()?.parse().ok()).collect();

    let rows: Vec<Row> =
        (0..3000).map(|id| Row { id, name: format!("row {id}"), note: "x".repeat(id as usize % 40) }).collect();
    let xml = format!(
        "<rows>{}</rows>",
        rows.iter().map(|it| quick_xml::se::to_string(it).unwrap()).collect::<String>()
    );
    #[derive(Deserialize)]
    struct Rows {
        #[serde(rename = "Row")]
        row: Vec<Row>,
    }
    let from_xml: Rows = quick_xml::de::from_str(&xml).unwrap();
    let nodes = roxmltree::Document::parse(&xml).unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().for_each(|row| writer.serialize(row).unwrap());
    let csv = writer.into_inner().unwrap();
    let records: Vec<csv::StringRecord> = csv::Reader::from_reader(&csv[..]).records().map(Result::unwrap).collect();
    let from_csv: Vec<Row> = csv::Reader::from_reader(&csv[..]).deserialize().map(Result::unwrap).collect();

    let markdown: String = (0..2000).map(|it| format!("# Part {it}\n\n- *one* [two](http://x/{it})\n\n> three\n\n")).collect();
    let mut html = String::new();
    let events: Vec<pulldown_cmark::Event<'static>> =
        pulldown_cmark::Parser::new(&markdown).map(pulldown_cmark::Event::into_static).collect();
    pulldown_cmark::html::push_html(&mut html, events.iter().cloned());
    let page = scraper::Html::parse_document(&html);
    let links = page.select(&scraper::Selector::parse("a").unwrap()).count();

    let few = users(600);
    let yaml = serde_norway::to_string(&few).unwrap();
    let yaml_tree: serde_norway::Value = serde_norway::from_str(&yaml).unwrap();
    let from_yaml: Users = serde_norway::from_str(&yaml).unwrap();
    let ron_text = ron::to_string(&rows).unwrap();
    let from_ron: Vec<Row> = ron::from_str(&ron_text).unwrap();
    let ron_tree: ron::Value = ron::from_str(&ron_text).unwrap();

    // All of it is live here.
    let all = (
        (&tree, &typed, &from_tree, &to_tree, &simd, &simd_typed, &tape),
        (&table, &from_toml, &edited, &tokens, &from_xml.row, &nodes, &records),
        (&from_csv, &events, &page, &yaml_tree, &from_yaml, &from_ron, &ron_tree),
    );
    std::hint::black_box(&all);
    println!("{} files, {} links, {} bytes of TOML", parsed.len(), links, text.len());
}
