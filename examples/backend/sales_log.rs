//! The sales log: a large file of lines `day<TAB>product<TAB>cents`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use profile_cost::profile_cost;

/// Cents sold on each day. Reads the whole file.
#[profile_cost]
pub fn sum_by_day(path: &Path) -> Result<BTreeMap<u32, u64>> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut days = BTreeMap::new();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let (day, cents) = read(&line).with_context(|| format!("bad line {line:?}"))?;
        *days.entry(day).or_default() += cents;
        line.clear();
    }
    Ok(days)
}

fn read(line: &str) -> Option<(u32, u64)> {
    let mut parts = line.trim_end().split('\t');
    let day = parts.next()?.parse().ok()?;
    let _product = parts.next()?;
    Some((day, parts.next()?.parse().ok()?))
}
