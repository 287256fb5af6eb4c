//! `metrics`: Prometheus' text format, version 0.0.4.
//!
//! A scrape stops nobody: it takes a snapshot. Which functions are told by name, and why counters only rise: see `series`.

use std::fmt::{self, Display, Write as _};

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::{Refusal, Response};
use super::series::{BOUNDS, Figures, Series};
use super::work::{Reply, Work};
use crate::heap::{self, ProcessMemory, recording};
use crate::profile::Notes;
use crate::render::json_text::Number;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The function that stands for all that have no series of their own. No function's file is empty.
const OTHERS: (&str, &str) = ("[other]", "");

/// `metrics`.
pub(super) fn metrics(endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    let endpoints = endpoints.clone();
    Ok(Work::now(move || {
        let profile = crate::snapshot::snapshot_of_process();
        let room = endpoints.options().metrics_functions;
        let mut text = Text::default();
        {
            let series = &endpoints.state().series;
            let mut series = series.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            series.advance(&profile, room);
            text.functions(&series);
        }
        text.recording(&profile.notes);
        text.memory();
        Ok(Response::new(CONTENT_TYPE, text.0))
    }))
}

/// One family of series by function.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Figures) -> Value,
}

/// A sample's value.
enum Value {
    Count(u64),
    Seconds(u64),
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Seconds(ns) => Number(*ns as f64 * 1e-9).fmt(f),
        }
    }
}

const FAMILIES: [Family; 7] = [
    Family {
        name: "profile_cost_calls_total",
        kind: "counter",
        help: "Calls begun (async: first polls).",
        value: |figures| Value::Count(figures.calls),
    },
    Family {
        name: "profile_cost_busy_seconds_total",
        kind: "counter",
        help: "Time in the function itself, on a CPU or blocking its thread.",
        value: |figures| Value::Seconds(figures.busy_ns),
    },
    Family {
        name: "profile_cost_await_seconds_total",
        kind: "counter",
        help: "Time suspended in the function itself.",
        value: |figures| Value::Seconds(figures.await_ns),
    },
    Family {
        name: "profile_cost_polls_total",
        kind: "counter",
        help: "Polls of the function's futures.",
        value: |figures| Value::Count(figures.polls),
    },
    Family {
        name: "profile_cost_panicked_total",
        kind: "counter",
        help: "Calls that ended by unwinding.",
        value: |figures| Value::Count(figures.panicked),
    },
    Family {
        name: "profile_cost_cancelled_total",
        kind: "counter",
        help: "Futures dropped before completion.",
        value: |figures| Value::Count(figures.cancelled),
    },
    Family {
        name: "profile_cost_in_flight",
        kind: "gauge",
        help: "Calls begun and not ended.",
        value: |figures| Value::Count(figures.in_flight),
    },
];

/// A label's value, quoted.
struct Label<'a>(&'a str);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// What has been written.
#[derive(Debug, Default)]
struct Text(String);

// NOTE: a string takes whatever is written to it.
impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn functions(&mut self, series: &Series) {
        let own = series.functions().map(|((name, file), figures)| ((name.as_str(), file.as_str()), figures));
        let others = series.others().map(|figures| (OTHERS, figures));
        let all: Vec<(String, &Figures)> = (own.chain(others))
            .map(|((name, file), figures)| {
                (format!("function={},file={}", Label(name), Label(file)), figures)
            })
            .collect();
        if all.is_empty() {
            return;
        }
        for Family { name, kind, help, value } in FAMILIES {
            self.head(name, kind, help);
            for (labels, figures) in &all {
                let _ = writeln!(self.0, "{name}{{{labels}}} {}", value(figures));
            }
        }
        let name = "profile_cost_elapsed_seconds";
        self.head(name, "histogram", "Time from call to return of calls that ended, within 2 %.");
        for (labels, figures) in &all {
            let mut calls = 0u64;
            for (bound, of_bucket) in BOUNDS.iter().zip(figures.elapsed) {
                calls = calls.saturating_add(of_bucket);
                let _ = writeln!(self.0, "{name}_bucket{{{labels},le=\"{bound:?}\"}} {calls}");
            }
            calls = calls.saturating_add(figures.elapsed[BOUNDS.len()]);
            let _ = writeln!(self.0, "{name}_bucket{{{labels},le=\"+Inf\"}} {calls}");
            let _ = writeln!(self.0, "{name}_sum{{{labels}}} {}", Value::Seconds(figures.elapsed_ns));
            let _ = writeln!(self.0, "{name}_count{{{labels}}} {calls}");
        }
    }

    fn recording(&mut self, notes: &Notes) {
        let name = "profile_cost_recording";
        self.head(name, "gauge", "Whether it is being recorded: 1 or 0.");
        for (kind, is_on) in [("time", crate::is_enabled()), ("heap", heap::is_tracing())] {
            let _ = writeln!(self.0, "{name}{{kind=\"{kind}\"}} {}", u8::from(is_on));
        }
        for (name, help, value) in [
            (
                "profile_cost_truncated_calls_total",
                "Calls counted as [truncated]: the cap on paths was reached.",
                notes.truncated_calls,
            ),
            (
                "profile_cost_late_events_total",
                "Events that came too late to be counted, on threads that were ending.",
                notes.late_events,
            ),
            (
                "profile_cost_clock_backsteps_total",
                "Backward steps of the clock, counted as no time.",
                notes.clock_backsteps,
            ),
            (
                "profile_cost_unisolated_reports_total",
                "Calls without a report of their own: too many were being reported.",
                notes.unisolated_reports,
            ),
        ] {
            self.single(name, "counter", help, value);
        }
    }

    fn memory(&mut self) {
        if recording::is_installed() {
            let (live, peak) = heap::get_traced_memory();
            for (name, help, value) in [
                (
                    "profile_cost_heap_live_bytes",
                    "Bytes allocated since the heap's recording began and not freed.",
                    live,
                ),
                (
                    "profile_cost_heap_peak_bytes",
                    "The most that was live since the heap's recording began, or its peak was reset.",
                    peak,
                ),
                (
                    "profile_cost_heap_profiler_bytes",
                    "Memory that the heap's recording takes itself.",
                    heap::get_tracemalloc_memory(),
                ),
            ] {
                self.single(name, "gauge", help, value);
            }
        }
        let mut process = ProcessMemory::default();
        process.read_system();
        for (name, help, value) in [
            ("profile_cost_resident_bytes", "Resident memory of the process.", process.rss_bytes),
            (
                "profile_cost_cgroup_limit_bytes",
                "Memory limit of the process's cgroup.",
                process.cgroup_limit,
            ),
            (
                "profile_cost_cgroup_used_bytes",
                "Memory charged to that cgroup, page cache included.",
                process.cgroup_used,
            ),
        ] {
            if let Some(value) = value {
                self.single(name, "gauge", help, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(Label("a\"b\\c\nd{}é").to_string(), r#""a\"b\\c\nd{}é""#);
    }
}
