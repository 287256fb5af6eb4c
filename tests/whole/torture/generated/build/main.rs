//! A build script of more than one file, with dependencies that are members.

mod text;

#[derive(macros::Describe)]
struct Script;

fn main() {
    tally::count!("main");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rustc-check-cfg=cfg(from_the_script)");
    println!("cargo::rustc-cfg=from_the_script");
    println!("cargo::rustc-env=FROM_THE_SCRIPT={}", Script.describe());
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("generated.rs"), text::items()).unwrap();
    std::fs::write(out.join("module.rs"), text::module()).unwrap();
}
