//! Names of addresses, held against `llvm-symbolizer` and against what is known of functions here.
#![cfg(all(feature = "symbols", target_os = "linux"))]
#![allow(clippy::print_stdout, reason = "what was compared is told")]

mod judges;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use judges::available;
use object::{Object, ObjectSymbol, SymbolKind};
use profile_cost_runtime::heap::{Frame, Module, Snapshot, Source};
use serde_json::Value;

/// A snapshot with those addresses of that file.
fn snapshot(path: &Path, addresses: &[u64]) -> Snapshot {
    let bytes = std::fs::read(path).expect("a file");
    let object = object::File::parse(&*bytes).expect("an object file");
    let id = object.build_id().expect("notes").unwrap_or_default();
    let build_id = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let frame = |&address: &u64| Frame { module: Some(0), address, sources: Vec::new() };
    Snapshot {
        modules: vec![Module { path: path.to_str().expect("UTF-8").to_owned(), build_id }],
        frames: addresses.iter().map(frame).collect(),
        ..Snapshot::new()
    }
}

/// Addresses in every function of the file: `each` of them, spread over it.
fn addresses(path: &Path, each: u64) -> Vec<u64> {
    let bytes = std::fs::read(path).expect("a file");
    let object = object::File::parse(&*bytes).expect("an object file");
    let functions = object.symbols().filter(|it| it.kind() == SymbolKind::Text && it.size() > 0);
    let mut addresses: Vec<u64> =
        functions.flat_map(|it| (0..each).map(move |k| it.address() + it.size() * k / each)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// What llvm-symbolizer says of each address: function as in the debug information and as linked, file, line.
fn judged(path: &Path, addresses: &[u64], functions: &str) -> Vec<Vec<Source>> {
    let mut command = Command::new("llvm-symbolizer");
    command.arg(format!("--functions={functions}"));
    command.args(["--no-demangle", "--inlines", "--output-style=JSON", "--obj"]).arg(path);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut asked = String::new();
    addresses.iter().for_each(|address| writeln!(asked, "{address:#x}").expect("written"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()).expect("written"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let answers = text.lines().filter(|line| !line.trim().is_empty());
    let source = |frame: &Value| Source {
        function: frame["FunctionName"].as_str().unwrap_or_default().to_owned(),
        file: frame["FileName"].as_str().unwrap_or_default().to_owned(),
        line: frame["Line"].as_u64().unwrap_or_default() as u32,
        ..Source::default()
    };
    let answers: Vec<Vec<Source>> = answers
        .map(|line| {
            let answer: Value = serde_json::from_str(line).expect("JSON");
            answer["Symbol"].as_array().map(|frames| frames.iter().map(source).collect()).unwrap_or_default()
        })
        .collect();
    assert_eq!(answers.len(), addresses.len());
    answers
}

/// The names that the symbol table has for an address: functions that the linker merged have several.
fn symbols_at(object: &object::File<'_>, address: u64) -> Vec<String> {
    let symbols = object.symbols().filter(|it| it.kind() == SymbolKind::Text);
    let symbols = symbols.filter(|it| (it.address()..it.address() + it.size()).contains(&address));
    symbols.map(|it| demangled(it.name().expect("UTF-8"))).collect()
}

/// Without the number of the copy that the optimizer made.
fn demangled(symbol: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    match name.rsplit_once('.') {
        Some((own, copy)) if copy.bytes().all(|byte| byte.is_ascii_digit()) => own.to_owned(),
        _ => name,
    }
}

/// `NAMES_OF=file` looks at another one.
#[test]
fn names_are_those_of_llvm_symbolizer() {
    let path = std::env::current_exe().expect("a path");
    let path = std::env::var_os("NAMES_OF").map_or(path, PathBuf::from);
    if available("llvm-symbolizer", Command::new("llvm-symbolizer").arg("--version")) {
        hold_to_judge(&path, 5);
    }
}

/// Programs built in other ways than this one.
#[test]
fn names_do_not_depend_on_how_the_program_was_built() {
    const PROGRAM: &str = "
        use std::collections::HashMap;
        pub struct Order(pub u64, pub String);
        #[inline(always)] fn part(n: u64) -> Order { Order(n, format!(\"order {n}\")) }
        fn main() {
            let orders: HashMap<u64, Vec<Order>> = (0..9).map(|n| (n, (0..n).map(part).collect())).collect();
            let mut names: Vec<_> = orders.into_values().flatten().map(|order| (order.1, order.0)).collect();
            names.sort();
            println!(\"{names:?}\");
        }";
    if !available("llvm-symbolizer", Command::new("llvm-symbolizer").arg("--version")) {
        return;
    }
    let source = judges::scratch("built.rs");
    std::fs::write(&source, PROGRAM).expect("written");
    for (name, flags) in [
        ("lines", "-Cdebuginfo=line-tables-only -Copt-level=3"),
        ("limited", "-Cdebuginfo=1 -Copt-level=z"),
        ("full", "-Cdebuginfo=2 -Copt-level=2"),
        ("debug", "-Cdebuginfo=2"),
        ("old", "-Cdebuginfo=2 -Copt-level=3 -Cdwarf-version=2"),
        ("new", "-Cdebuginfo=line-tables-only -Copt-level=3 -Cdwarf-version=5"),
        ("lto", "-Cdebuginfo=line-tables-only -Copt-level=3 -Clto=fat -Ccodegen-units=1"),
        ("mangled", "-Cdebuginfo=line-tables-only -Copt-level=3 -Csymbol-mangling-version=v0"),
        ("packed", "-Cdebuginfo=2 -Copt-level=3 -Clink-arg=-Wl,--compress-debug-sections=zlib"),
        ("fixed", "-Cdebuginfo=2 -Copt-level=3 -Crelocation-model=static"),
    ] {
        let program = judges::scratch(&format!("built-{name}"));
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(flags.split(' ')).arg("--edition=2024").arg("-o").arg(&program).arg(&source);
        judges::run(&mut rustc);
        hold_to_judge(&program, 2);
    }
}

fn hold_to_judge(path: &Path, each: u64) {
    let bytes = std::fs::read(path).expect("a file");
    let object = object::File::parse(&*bytes).expect("an object file");
    let addresses = addresses(path, each);
    let mut snapshot = snapshot(path, &addresses);
    assert_eq!(snapshot.name_from(&[]).expect("named"), []);
    let by_name = judged(path, &addresses, "short");
    let by_linkage = judged(path, &addresses, "linkage");
    let (mut inlined, mut without_line, mut repaired) = (0, 0, 0);
    for (i, frame) in snapshot.frames.iter().enumerate() {
        let (ours, named, linked) = (&frame.sources, &by_name[i], &by_linkage[i]);
        let context = || format!("{:#x}\nours {ours:#?}\nllvm {named:#?}\n{linked:#?}", frame.address);
        assert_eq!(ours.len(), named.len(), "{}", context());
        inlined += ours.len() - 1;
        if named[0].line == 0 && !named[0].function.is_empty() {
            without_line += 1;
            repaired += usize::from(ours[0].line > 0);
        }
        for (at, ((ours, named), linked)) in ours.iter().zip(named).zip(linked).enumerate() {
            // Ours may be one of the same function.
            if at > 0 || named.line > 0 {
                assert_eq!((&ours.file, ours.line), (&named.file, named.line), "{}", context());
            }
            let demangled = demangled(&linked.function);
            if named.function.is_empty() {
                // Functions in which nothing is inlined may have lines and a symbol, but no entry.
                let merged = || symbols_at(&object, frame.address).contains(&ours.function);
                assert!(ours.function == demangled || merged(), "{}", context());
                assert_eq!(ours.function, ours.symbol, "{}", context());
            } else {
                assert_eq!(ours.function, named.function, "{}", context());
                // It takes the outermost one's from the symbol table, where merged functions have several; and the
                // other name where there is no linkage name.
                let has_none = ours.symbol.is_empty() && linked.function == named.function;
                let is_outermost = at + 1 == by_name[i].len();
                let merged = || is_outermost && symbols_at(&object, frame.address).contains(&ours.symbol);
                // Merged ones may have left only the names of others.
                let own = ours.function.split(['<', '{']).next().unwrap_or_default();
                let is_anothers = ours.symbol.is_empty() && !demangled.contains(own);
                assert!(has_none || ours.symbol == demangled || merged() || is_anothers, "{}", context());
            }
        }
    }
    assert!(addresses.len() > 500 && inlined > 500, "{} addresses, {inlined} inlined", addresses.len());
    // Calls that the compiler merged have no line; most get one.
    assert!(repaired * 2 >= without_line, "{repaired} of {without_line}");
    let shown = path.display();
    println!(
        "{shown}: {} addresses, {inlined} inlined, {repaired} of {without_line} lines mended",
        addresses.len()
    );
}
