//! Small texts and what becomes of them.

use super::*;

/// All functions are wanted, but for those on these lines.
fn options(left_out: &BTreeSet<usize>) -> Options<'_> {
    Options { edition_2015: false, file: None, min_size: 0, wanted: &|_| true, left_out, is_root: false }
}

fn splice_with(source: &str, change: impl FnOnce(&mut Options<'_>)) -> Spliced {
    let left_out = BTreeSet::new();
    let mut options = options(&left_out);
    change(&mut options);
    splice(source, &options).unwrap()
}

fn spliced(source: &str) -> Spliced {
    splice_with(source, |_| {})
}

/// The text, with what is spliced cut down: `R` is the runtime, `F` makes a future one that is measured.
fn text(source: &str) -> String {
    let text = spliced(source).text.replace("::__profile_cost", "R");
    text.replace("R::private::instrument_at(R::__site!", "F(").replace("R::private::Never", "!")
}

fn root(source: &str) -> String {
    splice_with(source, |options| options.is_root = true).text
}

fn counted(spliced: &Spliced) -> Vec<String> {
    spliced.functions.iter().map(|f| f.name.clone()).collect()
}

fn skipped(spliced: &Spliced) -> Vec<String> {
    spliced.skipped.iter().map(|s| format!("{}: {}", s.name, s.why)).collect()
}

#[test]
fn a_guard_stands_before_the_first_statement() {
    assert_eq!(text("fn a() { work() }"), "fn a() { R::__enter!(function \"a\" 1); work() }");
    assert_eq!(text("fn a(){}"), "fn a(){ R::__enter!(function \"a\" 1);}");
    assert_eq!(text("fn a() { use b::c; c() }"), "fn a() { R::__enter!(function \"a\" 1); use b::c; c() }");
    assert_eq!(
        text("impl A {\n    pub fn r#type(&self) -> u8\n    { // why\n        1\n    }\n}\n"),
        "impl A {\n    pub fn r#type(&self) -> u8\n    { R::__enter!(method \"type\" 2); // why\n        1\n    }\n}\n"
    );
}

#[test]
fn inner_attributes_stay_first() {
    assert_eq!(
        text("fn a() {\n    //! says\n    #![allow(x)] /* so */ /// doc\n    let b = 1;\n}"),
        "fn a() {\n    //! says\n    #![allow(x)] /* so */  R::__enter!(function \"a\" 1);/// doc\n    let b = 1;\n}"
    );
    assert_eq!(text("fn a() {\n//! x\n}"), "fn a() {\n//! x\n R::__enter!(function \"a\" 1);}");
    assert_eq!(
        text("async fn a() {\n//! x\n}"),
        "async fn a() {\n//! x\n F((function \"a\" 1), async move { R::__returns!(());}).await }"
    );
}

#[test]
fn the_body_of_an_async_fn_becomes_a_future() {
    let of = |output: &str| {
        let text = text(&format!("async fn a(){output}{{ b().await }}"));
        text.split_once("async move ").unwrap().1.to_owned()
    };
    assert_eq!(of(""), "{ R::__returns!(()); b().await }).await }");
    assert_eq!(of(" -> Vec<&'a [u8]> "), "{ R::__returns!(Vec<&'a [u8]>); b().await }).await }");
    assert_eq!(
        of(" -> Result<impl A<B = impl C>, D> "),
        "{ R::__returns!(Result<_, D>); b().await }).await }"
    );
    assert_eq!(of(" -> (!) "), "{ R::__returns!(!); b().await }).await {} }");
    assert!(of(" -> Result<u8, // why\n E> ").starts_with("{ R::__returns!(Result < u8 , E >);"));
    assert!(of(" -> A<\r\nB> ").starts_with("{ R::__returns!(A < B >);"));
    assert!(of(" -> A where B: C ").starts_with("{ R::__returns!(A);"));
    assert!(text("async fn a() -> ! { b() }").starts_with("async fn a() -> ! { match F((function"));
}

#[test]
fn async_blocks_that_are_returned_become_futures() {
    let f = "F((function \"a\" 1), ";
    let shared = "R::private::instrument_at(__profile_cost_site, ";
    for (body, expected) in [
        ("async { b() }", "{f}async { b() })"),
        ("Box::pin(async move { b() })", "Box::pin({f}async move { b() }))"),
        ("async {}.boxed()", "{f}async {}).boxed()"),
        ("{ let b = 1; (async {}) as C }", "{ let b = 1; ({f}async {})) as C }"),
        ("return std::boxed::Box::pin(async {});", "return std::boxed::Box::pin({f}async {}));"),
        (
            "if b { return Box::pin(async {}); } Box::pin(async {})",
            "{let}if b { return Box::pin({s}async {})); } Box::pin({s}async {}))",
        ),
        (
            "match b { 1 => async {}, _ => return async {} }",
            "{let}match b { 1 => {s}async {}), _ => return {s}async {}) }",
        ),
        ("if b { async {} } else { async {} }", "{let}if b { {s}async {}) } else { {s}async {}) }"),
        ("let c = || { return async {} }; async {}", "let c = || { return async {} }; {f}async {})"),
        ("#[c] async {}", "#[c] {f}async {})"),
    ] {
        let expected = expected.replace("{f}", f).replace("{s}", shared);
        let expected = match expected.strip_prefix("{let}") {
            Some(rest) => {
                format!("fn a() {{ let __profile_cost_site = R::__site!(function \"a\" 1); {rest} }}")
            }
            None => format!("fn a() {{ {expected} }}"),
        };
        assert_eq!(text(&format!("fn a() {{ {body} }}")), expected);
    }
    for body in [
        "async {};",
        "spawn(async {})",
        "let c = async {}; c",
        "Box::new(async {})",
        "if b { return async {} } c()",
    ] {
        let expected = format!("fn a() {{ R::__enter!(function \"a\" 1); {body} }}");
        assert_eq!(text(&format!("fn a() {{ {body} }}")), expected);
    }
}

#[test]
fn paths_of_edition_2015_have_no_leading_colons() {
    let text = |source| splice_with(source, |options| options.edition_2015 = true).text;
    assert_eq!(text("fn a() {}"), "fn a() { __profile_cost::__enter!(function \"a\" 1);}");
}

#[test]
fn lines_and_offsets_count_from_the_files_beginning() {
    for start in [
        "\u{feff}",
        "#!/usr/bin/env run\n",
        "\u{feff}#!x\n",
        "//! ü€𝄞\r\n",
        "#![allow(x)]\n",
        "#! [allow(x)]\n",
        "\n",
    ] {
        let result = spliced(&format!("{start}/// ß\nfn größe() {{}}\n"));
        let line = start.matches('\n').count() + 2;
        assert_eq!(
            result.text,
            format!("{start}/// ß\nfn größe() {{ ::__profile_cost::__enter!(function \"größe\" {line});}}\n")
        );
        assert_eq!((result.functions[0].line, result.functions[0].lines.clone()), (line, line - 1..=line));
    }
}

#[test]
fn the_lines_of_a_function_are_those_of_the_item() {
    let lines = |source| spliced(source).functions.remove(0).lines;
    assert_eq!(lines("\n#[a]\n\npub fn b()\n{\n}\n"), 2..=6);
    assert_eq!(lines("\npub(crate)\nfn b() {\n}\n"), 2..=4);
    assert_eq!(lines("\nasync\nunsafe fn b() {\n}\n"), 2..=4);
    assert_eq!(lines("\nextern\n\"C\" fn b() {\n//! x\n}\n"), 2..=5);
    assert_eq!(lines("trait A {\nfn b() {\n}\n}"), 2..=3);
}

#[test]
fn names_are_those_of_reports() {
    let source = "
        fn free() { fn nested() {} const C: u8 = { fn in_const() {} 1 }; }
        mod m { fn in_mod() {} impl a::Orders { fn load() { fn nested() {} } } }
        impl<T> b::Store<T> for c::Grid<T> { fn save(&self) {} }
        impl<'a> Store for &'a mut [Grid<u8>] { fn save(&self) {} }
        impl dyn Store + Send { fn erased(&self) {} }
        trait Store { fn refresh(&self) {} fn required(&self); }
        extern { fn foreign(); }
        unsafe extern \"C\" { safe fn safe_foreign(); }
    ";
    let expected = "free nested in_const in_mod Orders::load nested <Grid as Store>::save \
        <&mut [Grid] as Store>::save <dyn Store + Send>::erased Store::refresh";
    assert_eq!(counted(&spliced(source)).join(" "), expected);
}

#[test]
fn a_method_is_what_says_self() {
    for (sig, is_method) in [
        ("fn a(&self)", true),
        ("fn a(self: Box<Self>)", true),
        ("fn a() -> Option<Self>", true),
        ("fn a<T: Into<Self>>(t: T)", true),
        ("fn a() where Self: Sized", true),
        ("fn a(b: m!(Self))", true),
        ("fn a(b: u8)", false),
        ("fn a(b: [u8; self::N])", true),
    ] {
        assert_eq!(
            text(&format!("impl A {{ {sig} {{ Self::b() }} }}")).contains("(method"),
            is_method,
            "{sig}"
        );
    }
}

#[test]
fn what_has_no_clock_is_left_alone() {
    let source = "
        const fn a() { fn within() {} }
        #[unsafe(naked)] extern \"C\" fn b() {}
        #[cfg_attr(x, naked)] fn c() {}
        unsafe extern \"C\" fn d(n: u8, ...) {}
        unsafe impl alloc::GlobalAlloc for A { unsafe fn alloc(&self) { fn within_alloc() {} } }
        #[panic_handler] fn e() {}
        #[alloc_error_handler] fn f() {}
        #[proc_macro] fn g() {}
        #[proc_macro_derive(A)] fn h() {}
        #[proc_macro_attribute] fn i() {}
        #[const_fn(\"1.46\")] fn j() {}
        #[rustversion::attr(since(1.46), const)] fn k() {}
        #[inline] const unsafe extern \"C\" fn l() {}
    ";
    let result = spliced(source);
    assert_eq!(counted(&result), ["within", "within_alloc"]);
    let expected = "a: const fn, b: naked, c: naked, d: variadic, <A as GlobalAlloc>::alloc: allocator, \
        e: panic handler, f: panic handler, g: proc macro entry, h: proc macro entry, i: proc macro entry, \
        j: const fn, k: const fn, l: const fn";
    assert_eq!(skipped(&result).join(", "), expected);
}

#[test]
fn what_the_attribute_counts_is_not_counted_twice() {
    let source = "
        #[profile_cost] fn a() { fn within_a() {} }
        #[cfg_attr(feature = \"x\", inline, cost::profile_cost(name = \"x\"))] fn b() {}
        #[profile_cost(skip)] fn c() { fn within_c() {} }
        #[cost::profile_cost] impl A { fn d() { fn within_d() {} } #[profile_cost(skip)] fn e() {} const fn f() {} }
        #[profile_cost] mod m { impl B { fn g() {} } #[profile_cost(skip)] impl C { fn h() {} #[profile_cost] fn i() {} } }
        #[profile_cost(skip)] mod n { fn j() { fn within_j() {} } #[profile_cost] trait D { fn k() {} } }
        #[profile_costs] fn o() {}
    ";
    let result = spliced(source);
    assert_eq!(counted(&result), ["within_a", "within_d", "o"]);
    let expected = "a: annotated already, b: annotated already, c: marked skip, within_c: marked skip, \
        A::d: annotated already, A::e: marked skip, A::f: const fn, B::g: annotated already, C::h: marked skip, \
        C::i: annotated already, j: marked skip, within_j: marked skip, D::k: annotated already";
    assert_eq!(skipped(&result).join(", "), expected);
}

#[test]
fn what_the_options_leave_out() {
    let source = "impl A { fn a() {} fn b() {} }\nfn a() {}\nfn c() { fn d() {} }";
    let result = splice_with(source, |options| options.wanted = &|name| name != "A::a" && name != "c");
    assert_eq!(counted(&result), ["A::b", "a", "d"]);
    assert_eq!(skipped(&result), ["A::a: not wanted", "c: not wanted"]);
    let result = splice(source, &options(&BTreeSet::from([1, 3])));
    assert_eq!(skipped(&result.unwrap()), ["A::a: left out", "A::b: left out", "c: left out", "d: left out"]);
}

#[test]
fn small_functions_are_left_alone_unless_they_loop() {
    let is_small = |body: &str, min_size| {
        let result = splice_with(&format!("fn a() {{ {body} }}"), |options| options.min_size = min_size);
        assert!(result.skipped.iter().all(|s| s.why == Why::Small));
        result.functions.is_empty()
    };
    // Tokens, a group being one more than what it holds.
    for (body, size) in [("", 0), ("b", 1), ("b()", 2), ("b(c, 1)", 5), ("'a: { 'x' }", 5), ("#![b] c.d", 7)]
    {
        assert!(is_small(body, size + 1), "{body}");
        assert!(!is_small(body, size), "{body}");
    }
    assert!(!is_small("loop {}", 40));
    assert!(!is_small("(0..n).map(|_| { while b {} })", 40));
    assert!(!is_small("for a in b {}", 40));
    assert!(is_small("b::<for<'a> fn(&'a u8)>()", 40));
}

#[test]
fn what_awaits_is_never_small() {
    let is_small = |function: &str| {
        let result = splice_with(function, |options| options.min_size = 40);
        assert!(result.skipped.iter().all(|s| s.why == Why::Small));
        result.functions.is_empty()
    };
    for function in [
        "async fn a() { b.await }",
        "async fn a() { join!(b, c); }",
        "async fn a() { tokio::select! { _ = b => {} } }",
        "async fn a() -> u8 { vec![b.await] }",
        "fn a() -> impl Future { async move { b().await } }",
        "fn a() -> Pin<Box<dyn Future>> { Box::pin(async { b.await }) }",
        "impl A { async fn a(&self) { if b { self.c().await } } }",
    ] {
        assert!(!is_small(function), "{function}");
    }
    for function in [
        "async fn a() { b() }",
        "async fn a() { vec![b]; }",
        "async fn a() { spawn(async { b.await }) }",
        "async fn a() { move || async move { b.await } }",
        "fn a() { spawn(async { b.await }); }",
        "fn a() -> impl Future { async move { b } }",
    ] {
        assert!(is_small(function), "{function}");
    }
}

#[test]
fn functions_in_macros_are_counted_and_left_alone() {
    let source = "
        cfg_if! { if #[cfg(x)] { fn a() {} pub async fn b() { fn c() {} } } }
        fn d() { m!(fn e() {}); let f: fn(u8) = n![fn(u8)]; }
        macro_rules! n { () => { fn g() {} } }
        #[doc = m!(fn h() {})] struct A;
    ";
    let result = spliced(source);
    assert_eq!((result.in_macros, counted(&result)), (4, vec!["d".to_owned()]));
    let untouched = |text: &str| text.lines().nth(1).map(str::to_owned);
    assert_eq!(untouched(&result.text), untouched(source));
}

#[test]
fn a_root_has_a_higher_recursion_limit() {
    let limit = "#![recursion_limit = \"512\"]";
    assert_eq!(root("//! A\n"), format!("{limit}//! A\n"));
    assert_eq!(root("\u{feff}#![no_std]\n"), format!("\u{feff}{limit}#![no_std]\n"));
    assert_eq!(root("#!/bin/x\n#![no_std]"), format!("#!/bin/x\n{limit}#![no_std]"));
    assert_eq!(root("#!/bin/x\r\n//! A"), format!("#!/bin/x\r\n{limit}//! A"));
    assert_eq!(
        root("#![no_std]\n#![recursion_limit = \"256\"] // so\n"),
        format!("#![no_std]\n{limit} // so\n")
    );
    assert_eq!(
        root("#![cfg_attr(x, recursion_limit = r#\"64\"#)]"),
        "#![cfg_attr(x, recursion_limit = \"512\")]"
    );
    assert_eq!(root("#![recursion_limit = \"1024\"]"), "#![recursion_limit = \"1024\"]");
    assert_eq!(spliced("//! A\n").text, "//! A\n");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let options = Options {
        edition_2015: true,
        file: None,
        min_size: 0,
        wanted: &|_| true,
        left_out: &BTreeSet::new(),
        is_root: true,
    };
    for source in ["fn a() { let async = 1; }", "fn a() {", "a + b", "fn \"a\"", "\u{0}"] {
        assert!(splice(source, &options).is_err(), "{source}");
    }
    let error = splice("#!/bin/x\nfn a() {\n    let let;\n}", &options).unwrap_err();
    assert_eq!(error.span().start().line, 3);
}

#[test]
fn reasons_are_words() {
    let empty = spliced("");
    assert!(empty.functions.is_empty() && empty.text.is_empty());
    assert_eq!(Why::Small.to_string(), "small");
}
