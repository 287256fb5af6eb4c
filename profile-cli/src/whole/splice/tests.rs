//! Small texts and what becomes of them, line by line.

use super::*;

fn options<'a>(left_out: &'a BTreeSet<usize>) -> Options<'a> {
    Options { edition_2015: false, min_size: 0, wanted: &|_| true, left_out, is_root: false }
}

fn spliced(source: &str) -> Spliced {
    splice(source, &options(&BTreeSet::new())).unwrap()
}

/// The text, with the runtime's path cut down to `R`.
fn text(source: &str) -> String {
    spliced(source).text.replace("::__profile_cost", "R")
}

fn names(source: &str) -> Vec<String> {
    spliced(source).functions.into_iter().map(|f| format!("{}:{}", f.name, f.line)).collect()
}

fn skipped(source: &str) -> Vec<String> {
    spliced(source).skipped.into_iter().map(|s| format!("{}: {}", s.name, s.why)).collect()
}

#[test]
fn a_guard_stands_before_the_first_statement() {
    assert_eq!(text("fn a() { work() }"), "fn a() { R::__enter!(function \"a\" 1); work() }");
    assert_eq!(text("fn a(){}"), "fn a(){ R::__enter!(function \"a\" 1);}");
    assert_eq!(
        text("impl A {\n    pub fn r#type(&self) -> u8\n    { // why\n        1\n    }\n}\n"),
        "impl A {\n    pub fn r#type(&self) -> u8\n    { R::__enter!(method \"type\" 2); // why\n        1\n    }\n}\n"
    );
    assert_eq!(text("fn a() { use b::c; c() }"), "fn a() { R::__enter!(function \"a\" 1); use b::c; c() }");
}

#[test]
fn inner_attributes_stay_first() {
    assert_eq!(
        text("fn a() {\n    //! says\n    #![allow(x)] /* so */ /// doc\n    let b = 1;\n}"),
        "fn a() {\n    //! says\n    #![allow(x)] /* so */ R::__enter!(function \"a\" 1);/// doc\n    let b = 1;\n}"
            .replace("R::__enter!(function \"a\" 1);///", " R::__enter!(function \"a\" 1);///")
    );
    assert_eq!(text("fn a() {\n//! x\n}"), "fn a() {\n//! x\n R::__enter!(function \"a\" 1);}");
}
