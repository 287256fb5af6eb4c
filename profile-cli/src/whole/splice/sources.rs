//! Real sources: those of this repository and, asked for by `PROFILE_COST_SOURCES` (folders, `:` between), of others.
//!
//! The judge is `syn`: it reads the spliced text, what was spliced is taken out of what it read, and the rest has to
//! be what it reads in the source.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Stmt};

use super::{Options, splice};

struct TakeOut {
    calls: usize,
    futures: usize,
}

impl VisitMut for TakeOut {
    fn visit_block_mut(&mut self, block: &mut Block) {
        if let Some(at) =
            block.stmts.iter().position(|s| matches!(s, Stmt::Macro(m) if is_ours(&m.mac.path, "__enter")))
        {
            assert_eq!(at, 0, "first of all statements");
            block.stmts.remove(at);
            self.calls += 1;
        }
        if let Some(Stmt::Local(local)) = block.stmts.first()
            && let syn::Pat::Ident(name) = &local.pat
            && name.ident == "__profile_cost_site"
        {
            block.stmts.remove(0);
        }
        if let [Stmt::Expr(only, None)] = &mut block.stmts[..]
            && let Some(statements) = body_of_async_fn(only)
        {
            block.stmts = statements;
            self.calls += 1;
        }
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Some(future) = instrumented(expr) {
            *expr = future;
            self.futures += 1;
        }
        visit_mut::visit_expr_mut(self, expr);
    }
}

fn is_ours(path: &syn::Path, name: &str) -> bool {
    path.segments.first().is_some_and(|s| s.ident == "__profile_cost")
        && path.segments.last().is_some_and(|s| s.ident == name)
}

fn instrumented(expr: &mut Expr) -> Option<Expr> {
    let Expr::Call(call) = expr else { return None };
    let is_instrument = matches!(&*call.func, Expr::Path(path) if is_ours(&path.path, "instrument_at"));
    is_instrument.then(|| call.args.pop().expect("a site and a future").into_value())
}

fn body_of_async_fn(expr: &mut Expr) -> Option<Vec<Stmt>> {
    let awaited = match expr {
        Expr::Match(inner) if inner.arms.is_empty() => &mut *inner.expr,
        other => other,
    };
    let Expr::Await(awaited) = awaited else { return None };
    let Expr::Async(mut future) = instrumented(&mut awaited.base)? else { panic!("not the body") };
    let first = future.block.stmts.remove(0);
    assert!(matches!(first, Stmt::Macro(m) if is_ours(&m.mac.path, "__returns")));
    Some(future.block.stmts)
}

/// What became of one file; `None` when `syn` cannot read it.
fn check(file: &Path, source: &str, min_size: usize) -> Option<usize> {
    let options = Options {
        edition_2015: false,
        file: None,
        min_size,
        wanted: &|_| true,
        left_out: &BTreeSet::new(),
        is_root: false,
    };
    let spliced = splice(source, &options).ok()?;
    let file = file.display();
    let (before, after): (Vec<_>, Vec<_>) =
        (source.split('\n').collect(), spliced.text.split('\n').collect());
    assert_eq!(before.len(), after.len(), "{file}");
    for (line, (before, after)) in before.iter().zip(&after).enumerate() {
        assert!(is_within(before, after), "{file}:{}", line + 1);
    }
    let plain = syn::parse_file(source).unwrap().into_token_stream().to_string();
    let mut read = syn::parse_file(&spliced.text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut out = TakeOut { calls: 0, futures: 0 };
    out.visit_file_mut(&mut read);
    assert_eq!(read.into_token_stream().to_string(), plain, "{file}");
    let functions = spliced.functions.len();
    assert!(out.calls <= functions && functions <= out.calls + out.futures, "{file}");
    Some(functions)
}

/// Whether `line` is `spliced` with some characters left out.
fn is_within(line: &str, spliced: &str) -> bool {
    let mut rest = spliced.chars();
    line.chars().all(|c| rest.any(|other| other == c))
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() && !["target", ".git"].contains(&&*entry.file_name().to_string_lossy()) {
            sources(&path, files);
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Files read, those that cannot be, and functions.
fn check_all(folder: &Path, min_size: usize) -> (usize, usize, usize) {
    let folder = folder.to_owned();
    let check_all = move || {
        let mut files = Vec::new();
        sources(&folder, &mut files);
        let texts = files.iter().filter_map(|file| Some((file, std::fs::read_to_string(file).ok()?)));
        texts.fold((0, 0, 0), |(read, unread, functions), (file, text)| match check(file, &text, min_size) {
            Some(more) => (read + 1, unread, functions + more),
            None => (read, unread + 1, functions),
        })
    };
    // Expressions that machines wrote are nested deep.
    let thread = std::thread::Builder::new().stack_size(1 << 30).spawn(check_all).unwrap();
    thread.join().unwrap()
}

#[test]
fn the_sources_of_this_repository() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (read, unread, functions) = check_all(&folder, 0);
    assert!(read > 300 && unread < 10, "{read} files, {unread} not");
    let (_, _, larger) = check_all(&folder, 40);
    assert!(0 < larger && larger < functions);
}

#[test]
#[ignore = "needs PROFILE_COST_SOURCES, takes minutes"]
fn the_sources_of_others() {
    let folders = std::env::var("PROFILE_COST_SOURCES").expect("folders");
    for folder in folders.split(':') {
        let (read, unread, functions) = check_all(Path::new(folder), 0);
        eprintln!("{folder}: {read} files, {functions} functions; {unread} files could not be read");
        assert!(read > 0);
    }
}
