//! What the attribute says to mistakes, a file for each; and that the user's own lints still speak.
//! `TRYBUILD=overwrite cargo test -p profile-cost-macro-tests --test ui` writes the expected outputs anew.

#[test]
fn mistakes_and_lints() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
