//! Packs the runtime's sources into the tool: `cargo profile-cost run` compiles them with the compiler of the workspace
//! that it profiles, away from this repository and without a network.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml::{Table, Value};

fn main() {
    let runtime = package("profile-runtime", "profile-cost-runtime");
    let mut files = vec![("runtime/Cargo.toml".to_owned(), manifest(&runtime))];
    let macros = package("profile-macros", "profile-cost-macros");
    let facade = package("", "profile-cost");
    for (name, package) in [("runtime", &runtime), ("macros", &macros), ("facade", &facade)] {
        println!("cargo::rerun-if-changed={}", package.join("src").display());
        collect(name, package, Path::new("src"), &mut files);
    }
    files.sort();
    let mut packed = String::from("const FILES: &[(&str, &str)] = &[\n");
    for (name, text) in files {
        writeln!(packed, "({name:?}, {text:?}),").expect("a string takes all");
    }
    packed.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    fs::write(out.join("sources.rs"), packed).expect("OUT_DIR can be written");
}

/// A package beside this one: in the repository by its folder's name, among downloaded packages by its own and its
/// version.
fn package(folder: &str, name: &str) -> PathBuf {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where"));
    let beside = own.parent().expect("a package is in a folder");
    let version = env::var("CARGO_PKG_VERSION").expect("cargo says which");
    let downloaded = beside.join(format!("{name}-{version}"));
    let places = if downloaded.exists() {
        [downloaded, beside.join(folder)]
    } else {
        [beside.join(folder), downloaded]
    };
    let found = places.iter().find(|place| place.join("src/lib.rs").exists());
    found.unwrap_or_else(|| panic!("no sources of {name} in {}", places[0].display())).clone()
}

/// A manifest with what the runtime needs when none of its features but its own code is asked for: what else it could
/// depend on would have to be downloaded before cargo agreed to build anything.
fn manifest(runtime: &Path) -> String {
    let read = |path: PathBuf| -> Table {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let own = read(runtime.join("Cargo.toml"));
    let is_inherited = |value: &Value| value.get("workspace").is_some();
    let package = own["package"].as_table().expect("a package");
    let workspace = if package.values().any(is_inherited) {
        read(runtime.parent().expect("in the repository").join("Cargo.toml"))["workspace"].as_table().cloned()
    } else {
        None
    };
    let from = |table: &str, key: &str| -> Value {
        let workspace = workspace.as_ref().expect("what is inherited has a workspace");
        workspace[table][key].clone()
    };
    let mut lean = Table::new();
    for key in ["name", "version", "edition"] {
        let value = &package[key];
        lean.insert(key.into(), if is_inherited(value) { from("package", key) } else { value.clone() });
    }
    let features = own["features"].as_table().expect("features").keys();
    let features = features.map(|name| (name.clone(), Value::Array(Vec::new()))).collect::<Table>();
    let needed = |dependencies: &Value| -> Table {
        let dependencies = dependencies.as_table().expect("dependencies");
        let needed = dependencies
            .iter()
            .filter(|(_, how)| how.get("optional").is_none_or(|o| o.as_bool() != Some(true)));
        let resolved = needed.map(|(name, how)| {
            if !is_inherited(how) {
                return (name.clone(), how.clone());
            }
            let mut shared = match from("dependencies", name) {
                Value::Table(table) => table,
                version => Table::from_iter([("version".to_owned(), version)]),
            };
            if let Some(features) = how.get("features") {
                shared.insert("features".into(), features.clone());
            }
            (name.clone(), Value::Table(shared))
        });
        resolved.collect()
    };
    let mut targets = Table::new();
    for (condition, target) in own.get("target").and_then(Value::as_table).into_iter().flatten() {
        let Some(dependencies) = target.get("dependencies").map(needed).filter(|table| !table.is_empty())
        else {
            continue;
        };
        let target = Table::from_iter([("dependencies".to_owned(), Value::Table(dependencies))]);
        targets.insert(condition.clone(), Value::Table(target));
    }
    let profile: Table =
        "release = { opt-level = 3, codegen-units = 1, debug = false }".parse().expect("it is");
    let all = Table::from_iter([
        ("package".to_owned(), Value::Table(lean)),
        ("features".to_owned(), Value::Table(features)),
        ("dependencies".to_owned(), Value::Table(needed(&own["dependencies"]))),
        ("target".to_owned(), Value::Table(targets)),
        ("profile".to_owned(), Value::Table(profile)),
        // Of no other workspace, wherever it is unpacked.
        ("workspace".to_owned(), Value::Table(Table::new())),
    ]);
    all.to_string()
}

fn collect(name: &str, root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(root.join(folder)).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(name, root, &path, files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            let path = path.to_str().expect("our own names are text").replace('\\', "/");
            files.push((format!("{name}/{path}"), text));
        }
    }
}
