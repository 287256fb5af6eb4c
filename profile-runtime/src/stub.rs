//! STUB. Delete this file when the engine and the statistics land: it only lets the examples compile.
#![allow(missing_docs, missing_debug_implementations)]

use std::io::{self, Write};

use crate::Profile;

pub fn enable() {}
pub fn disable() {}
pub fn reset() {}
pub fn snapshot() -> Profile {
    Profile::new()
}

pub enum SortKey {
    Cumulative,
    Time,
}

pub struct Stats;

impl Stats {
    pub fn new(_profile: &Profile) -> Self {
        Self
    }
    pub fn strip_dirs(&mut self) -> &mut Self {
        self
    }
    pub fn sort_stats<const N: usize>(&mut self, _keys: [SortKey; N]) -> &mut Self {
        self
    }
    pub fn print_stats(&mut self, mut out: impl Write, _limit: i32) -> io::Result<&mut Self> {
        writeln!(out, "(stub)")?;
        Ok(self)
    }
    pub fn print_callers(&mut self, mut out: impl Write, _limit: i32) -> io::Result<&mut Self> {
        writeln!(out, "(stub)")?;
        Ok(self)
    }
}

#[derive(Clone)]
pub struct Context;

impl Context {
    pub fn current() -> Self {
        Self
    }
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
    pub fn attach<F: Future>(self, future: F) -> F {
        future
    }
}
