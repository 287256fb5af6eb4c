//! A post-mortem for people.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use super::post_mortem::{Ending, Moment, PostMortem};
use crate::in_flight::OpenCall;
use crate::report;
use crate::stats::SortKey;
use crate::units;

/// Columns of a chart.
const WIDTH: usize = 60;
/// Threads and suspended paths that are shown.
const MOST: usize = 20;
/// Calls of a stack that are shown, the innermost.
const DEEPEST: usize = 12;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl PostMortem {
    /// Writes it for people: how the process ended, memory over time, what was running and suspended, and of the functions
    /// the `top` dearest with their callers.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, mut out: &mut dyn Write, top: usize) -> io::Result<()> {
        self.write_ending(out)?;
        if self.profile.is_empty() {
            return writeln!(out, "\nNo annotated function was called.");
        }
        writeln!(out, "\nFROM BEGINNING TO END")?;
        report::write(&self.profile, &[SortKey::Cumulative], top, &mut out)
    }

    /// Writes one page for a browser: how the process ended, memory over time, what was running and suspended; then
    /// `further` text, which may be none; then all of [`Profile::write_html`].
    ///
    /// # Errors
    /// Those of the writer.
    ///
    /// [`Profile::write_html`]: crate::Profile::write_html
    pub fn write_html(&self, out: &mut dyn Write, further: &str) -> io::Result<()> {
        let mut preface = Vec::new();
        self.write_ending(&mut preface)?;
        let mut preface = String::from_utf8_lossy(&preface).into_owned();
        preface.push_str(further);
        crate::render::html::write(&self.profile, &preface, out)
    }

    /// All that is not of the profile.
    fn write_ending(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "POST-MORTEM of {} (process {} on {})",
            plain(&self.program),
            self.pid,
            plain(&self.host)
        )?;
        if !self.build_id.is_empty() {
            writeln!(out, "build        {}", plain(&self.build_id))?;
        }
        writeln!(
            out,
            "recorded     from {}, for {}",
            utc(self.started),
            for_how_long(self.started, self.last_sign)
        )?;
        writeln!(out, "last sign    {}", utc(self.last_sign))?;
        writeln!(out, "ending       {}", self.ending())?;
        for message in &self.messages {
            let what = if message.is_panic { "panic" } else { "last words" };
            let ago = ago(message.time, self.last_sign);
            writeln!(out, "{what}, {ago}:")?;
            message.text.lines().try_for_each(|line| writeln!(out, "    {}", plain(line)))?;
        }
        for note in &self.notes {
            writeln!(out, "note         {note}")?;
        }
        self.write_time_line(out)?;
        self.write_in_flight(out)
    }

    fn ending(&self) -> String {
        match self.ending {
            Ending::Running => "none: the process lives".to_owned(),
            Ending::Exited => "it returned from main or called exit".to_owned(),
            Ending::Signal(signal) => {
                let fault = self.signal.filter(|(_, _, address)| *address > 0);
                let at = fault.map_or_else(String::new, |(_, _, address)| format!(" at address {address:#x}"));
                format!("by {}{at}", signal_name(signal))
            }
            Ending::Panic => "by a panic, which is the last that it said".to_owned(),
            Ending::Silent => match self.near_limit() {
                Some((used, limit)) => format!(
                    "without a word, with {} of its limit of {} in use ({}): most likely killed for its memory",
                    units::bytes(used),
                    units::bytes(limit),
                    units::percent(used as f64, limit as f64)
                ),
                None => {
                    "without a word: killed (SIGKILL, for its memory as well), _exit, exec, or the machine went down"
                        .to_owned()
                }
            },
        }
    }

    fn write_time_line(&self, out: &mut dyn Write) -> io::Result<()> {
        let (Some(first), Some(last)) = (self.time_line.first(), self.time_line.last()) else {
            return Ok(());
        };
        match first.time == last.time {
            true => writeln!(out, "\nAT THE START")?,
            false => writeln!(out, "\nTHE LAST {}", for_how_long(first.time, last.time))?,
        }
        type Series = (&'static str, fn(&Moment) -> Option<u64>, fn(u64) -> String);
        let series: [Series; 4] = [
            ("tracked live", |moment| moment.live_bytes, units::bytes),
            ("resident", |moment| moment.rss_bytes, units::bytes),
            // Without a limit it is other processes' as well.
            ("cgroup", |moment| moment.cgroup_limit.and(moment.cgroup_used), units::bytes),
            ("calls/s", |moment| Some(moment.calls), units::count),
        ];
        for (name, of, text) in series {
            let values: Vec<u64> = self.time_line.iter().filter_map(of).collect();
            let (Some(&most), Some(&end)) = (values.iter().max(), values.last()) else { continue };
            if most > 0 {
                writeln!(
                    out,
                    "{name:<13}{}  {} at the end, at most {}",
                    chart(&values),
                    text(end),
                    text(most)
                )?;
            }
        }
        let pressed = self.time_line.iter().rev().take(10).filter_map(|moment| moment.pressure).max();
        if let Some(pressed) = pressed.filter(|pressed| *pressed > 0) {
            let share = f64::from(pressed) / 100.0;
            writeln!(out, "{:<13}{share:.1}% of the time some task waited for memory", "pressure")?;
        }
        if self.peak_bytes > 0 {
            writeln!(out, "{:<13}{} tracked live", "peak", units::bytes(self.peak_bytes))?;
        }
        if let Some(limit) = self.memory_limit {
            writeln!(out, "{:<13}{} resident, as the program said", "limit", units::bytes(limit))?;
        }
        if let Some(limit) = last.cgroup_limit {
            writeln!(out, "{:<13}{}", "limit", units::bytes(limit))?;
        }
        Ok(())
    }

    fn write_in_flight(&self, out: &mut dyn Write) -> io::Result<()> {
        let is = if self.ending == Ending::Running { "IS" } else { "WAS" };
        writeln!(out, "\nWHAT {is} RUNNING")?;
        if self.running.is_empty() {
            writeln!(out, "    no thread in an annotated function")?;
        }
        for thread in self.running.iter().take(MOST) {
            writeln!(out, "    {}", plain(&thread.thread))?;
            write_stack(out, &thread.calls)?;
        }
        write_rest(out, self.running.len(), "thread")?;
        if self.suspended.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nWHAT {is} SUSPENDED")?;
        for path in self.suspended.iter().take(MOST) {
            writeln!(out, "    {}", units::counted(path.count, "future"))?;
            write_stack(out, &path.calls)?;
        }
        write_rest(out, self.suspended.len(), "path")
    }
}

fn write_rest(out: &mut dyn Write, all: usize, what: &str) -> io::Result<()> {
    match all.checked_sub(MOST).filter(|rest| *rest > 0) {
        Some(rest) => writeln!(out, "    .. and {} more", units::counted(rest as u64, what)),
        None => Ok(()),
    }
}

fn write_stack(out: &mut dyn Write, calls: &[OpenCall]) -> io::Result<()> {
    let hidden = calls.len().saturating_sub(DEEPEST);
    if hidden > 0 {
        writeln!(out, "        .. {}", units::counted(hidden as u64, "call"))?;
    }
    for call in &calls[hidden..] {
        let age = call.age.map_or_else(String::new, |age| units::duration(age.as_secs_f64()));
        let label = &call.label;
        writeln!(out, "        {age:>8}  {}  {}:{}", plain(&label.name), plain(&label.file), label.line)?;
    }
    Ok(())
}

/// The largest of each part, so that no peak is lost.
fn chart(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let columns = values.len().min(WIDTH);
    (0..columns)
        .filter_map(|column| {
            let part = column * values.len() / columns..(column + 1) * values.len() / columns;
            let value = values.get(part)?.iter().max()?;
            let bar = (u128::from(*value) * (BARS.len() as u128 - 1)).div_ceil(u128::from(most)) as usize;
            BARS.get(bar).copied()
        })
        .collect()
}

/// Nothing that a terminal takes for a command, whatever a file says.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || units::is_unseen(c) { '?' } else { c }).collect()
}

fn for_how_long(from: SystemTime, to: SystemTime) -> String {
    let seconds = to.duration_since(from).unwrap_or(Duration::ZERO).as_secs_f64();
    match seconds {
        ..120.0 => units::duration(seconds),
        ..7200.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}

fn ago(from: SystemTime, to: SystemTime) -> String {
    match to.duration_since(from) {
        Ok(since) if since > Duration::from_millis(1) => format!("{} before", for_how_long(from, to)),
        _ => "at the end".to_owned(),
    }
}

/// `2026-11-29 21:04:05.123 UTC`.
fn utc(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days to a date, by eras of 400 years that begin in March (H. Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + carry;
    format!(
        "{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02}.{:03} UTC",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        since.subsec_millis()
    )
}

/// Its name, as in `kill -l`.
fn signal_name(signal: i32) -> String {
    const NAMES: [(i32, &str); 11] = [
        (1, "SIGHUP"),
        (2, "SIGINT"),
        (3, "SIGQUIT"),
        (4, "SIGILL"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ];
    let name = NAMES.iter().find(|(number, _)| *number == signal);
    name.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds: u64| utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(at(951_782_399), "2000-02-28 23:59:59.000 UTC");
        assert_eq!(at(951_782_400), "2000-02-29 00:00:00.000 UTC");
        assert_eq!(at(1_796_000_000), "2026-11-30 00:53:20.000 UTC");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00.000 UTC");
    }

    #[test]
    fn a_chart_keeps_peaks_and_is_no_wider_than_it_may_be() {
        assert_eq!(chart(&[0, 1, 7]), "▁▂█");
        let mut values = vec![1; 3600];
        values[1234] = 100;
        let chart = chart(&values);
        assert_eq!(chart.chars().count(), WIDTH);
        assert_eq!(chart.chars().filter(|c| *c == '█').count(), 1);
    }
}
