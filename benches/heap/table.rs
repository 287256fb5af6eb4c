//! All contenders in turn, round by round, and the table of how they compare.

use std::time::Duration;

use crate::contenders::{Contender, Targets};

/// Something that every contender does.
pub struct Row {
    pub name: &'static str,
    /// How often each takes its turn.
    pub turns: usize,
    /// Rounds a turn.
    pub rounds: u64,
    pub run: Run,
    pub target: fn(&Targets) -> Option<f64>,
}

type Run = Box<dyn Fn(&Contender, u64) -> Duration>;

/// What was measured of one contender doing one thing.
#[derive(Clone)]
struct Measured {
    /// The fastest of its turns, ns a round.
    fastest: f64,
    /// Each of its turns, as times what the first contender took right before.
    ratios: Vec<f64>,
}

/// Lets all take turns, so that what else the machine does falls on none of them, and prints the table.
pub fn compare(contenders: &[Contender], rows: &[Row]) {
    let measured: Vec<Vec<Measured>> = rows.iter().map(|row| measure(contenders, row)).collect();
    println!("\ntimes the system allocator: by the fastest turns [by the median of all]");
    let cells: String = rows.iter().map(|row| format!("{:>24}", row.name)).collect();
    println!("{:20}{cells}{:>24}", "", "two threads / one");
    for (at, contender) in contenders.iter().enumerate() {
        let mut line = format!("{:20}", contender.name);
        for (row, measured) in rows.iter().zip(&measured) {
            let times = measured[at].fastest / measured[0].fastest;
            let text = match at {
                0 => format!("{:.1} ns", measured[0].fastest),
                _ => format!("{times:.2} [{:.2}]", measured[at].median()),
            };
            line += &cell(text, times, (row.target)(&contender.targets));
        }
        let [one, two] = [0, 1].map(|row| measured[row][at].fastest / measured[row][0].fastest);
        line += &cell(format!("{:.2}", two / one), two / one, contender.targets.two_threads);
        println!("{}", line.trim_end());
    }
}

fn measure(contenders: &[Contender], row: &Row) -> Vec<Measured> {
    let mut measured = vec![Measured { fastest: f64::INFINITY, ratios: Vec::new() }; contenders.len()];
    for turn in 0..row.turns {
        let mut first = None;
        for (contender, measured) in contenders.iter().zip(&mut measured) {
            if contender.slow && !turn.is_multiple_of(10) {
                continue;
            }
            let rounds = if contender.slow { row.rounds.div_ceil(4) } else { row.rounds };
            let time = contender.recording(|| (row.run)(contender, rounds));
            let ns = time.as_secs_f64() * 1e9 / rounds as f64;
            measured.fastest = measured.fastest.min(ns);
            measured.ratios.push(ns / *first.get_or_insert(ns));
        }
    }
    measured
}

impl Measured {
    fn median(&self) -> f64 {
        let mut ratios = self.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// A figure, and the target when it has one; marked where that is missed.
fn cell(text: String, figure: f64, target: Option<f64>) -> String {
    let target = match target {
        Some(target) if figure > target => format!(" > {target:4} !"),
        Some(target) => format!(" <= {target:4} "),
        None => String::new(),
    };
    format!("{text:>15}{target:9}")
}

/// One figure on a line.
pub fn print_figure(name: &str, figure: f64, unit: &str, target: Option<f64>) {
    let target = match target {
        Some(target) if figure > target => format!(", at most {target}: missed"),
        Some(target) => format!(", at most {target}"),
        None => String::new(),
    };
    println!("{name:34}{figure:10.2} {unit}{target}");
}
