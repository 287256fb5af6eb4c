//! A post-mortem as JSON.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use super::post_mortem::{Ending, PostMortem};
use crate::in_flight::OpenCall;
use crate::render::json_text::{Number, Quoted};

impl PostMortem {
    /// Writes it as one JSON object: times in seconds since 1970, ages in seconds, the profile in the native form.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, mut out: &mut dyn Write) -> io::Result<()> {
        let ending = match self.ending {
            Ending::Running => "running",
            Ending::Exited => "exited",
            Ending::Signal(_) => "signal",
            Ending::Panic => "panic",
            Ending::Silent => "silent",
        };
        write!(out, "{{\n\"program\": {}, \"build_id\": {}", Quoted(&self.program), Quoted(&self.build_id))?;
        write!(out, ", \"host\": {}, \"pid\": {}", Quoted(&self.host), self.pid)?;
        write!(out, ",\n\"started\": {}, \"last_sign\": {}", at(self.started), at(self.last_sign))?;
        write!(out, ",\n\"ending\": \"{ending}\", \"signal\": ")?;
        match self.signal {
            Some((signal, time, address)) => {
                write!(out, "{{\"number\": {signal}, \"time\": {}, \"address\": {address}}}", at(time))?;
            }
            None => out.write_all(b"null")?,
        }
        let near = self.near_limit().is_some();
        write!(out, ", \"near_memory_limit\": {near}, \"peak_bytes\": {}", self.peak_bytes)?;
        write!(out, ",\n\"messages\": [")?;
        list(out, &self.messages, |out, message| {
            let kind = if message.is_panic { "panic" } else { "last words" };
            write!(out, "{{\"kind\": \"{kind}\", \"time\": {}", at(message.time))?;
            write!(out, ", \"text\": {}}}", Quoted(&message.text))
        })?;
        write!(out, "],\n\"notes\": [")?;
        list(out, &self.notes, |out, note| write!(out, "{}", Quoted(note)))?;
        write!(out, "],\n\"time_line\": [")?;
        list(out, &self.time_line, |out, moment| {
            write!(out, "{{\"time\": {}, \"calls\": {}", at(moment.time), moment.calls)?;
            let figures = [
                ("live_bytes", moment.live_bytes),
                ("rss_bytes", moment.rss_bytes),
                ("cgroup_used", moment.cgroup_used),
                ("cgroup_limit", moment.cgroup_limit),
                ("pressure", moment.pressure.map(u64::from)),
            ];
            for (key, value) in figures {
                if let Some(value) = value {
                    write!(out, ", \"{key}\": {value}")?;
                }
            }
            write!(out, "}}")
        })?;
        write!(out, "],\n\"running\": [")?;
        list(out, &self.running, |out, thread| {
            write!(out, "{{\"thread\": {}, \"calls\": [", Quoted(&thread.thread))?;
            calls(out, &thread.calls)
        })?;
        write!(out, "],\n\"suspended\": [")?;
        list(out, &self.suspended, |out, path| {
            write!(out, "{{\"count\": {}, \"calls\": [", path.count)?;
            calls(out, &path.calls)
        })?;
        write!(out, "],\n\"profile\": ")?;
        self.profile.write_json(&mut out)?;
        writeln!(out, "}}")
    }
}

fn at(time: SystemTime) -> Number {
    Number(time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()))
}

fn calls(out: &mut dyn Write, all: &[OpenCall]) -> io::Result<()> {
    list(out, all, |out, call| {
        let label = &call.label;
        write!(out, "{{\"name\": {}, \"file\": {}", Quoted(&label.name), Quoted(&label.file))?;
        write!(out, ", \"line\": {}, \"age\": ", label.line)?;
        match call.age {
            Some(age) => write!(out, "{}}}", Number(age.as_secs_f64())),
            None => out.write_all(b"null}"),
        }
    })?;
    out.write_all(b"]}")
}

fn list<T>(
    out: &mut dyn Write,
    all: &[T],
    mut item: impl FnMut(&mut dyn Write, &T) -> io::Result<()>,
) -> io::Result<()> {
    for (n, one) in all.iter().enumerate() {
        out.write_all(if n == 0 { "\n  " } else { ",\n  " }.as_bytes())?;
        item(out, one)?;
    }
    Ok(())
}
