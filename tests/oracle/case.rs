//! A case as `oracle.py` wrote it.

use std::path::Path;

use profile_cost_runtime::Label;
use serde_json::Value;

/// What a thread does at a tick.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Enter,
    Exit,
    Raise,
}

pub struct Event {
    pub thread: u64,
    pub kind: Kind,
    pub function: usize,
    pub tick: u64,
}

pub struct Case {
    pub name: String,
    pub functions: Vec<Label>,
    pub events: Vec<Event>,
    pub timeunit: f64,
    pub subcalls: bool,
    /// The whole document, for what is expected.
    pub json: Value,
}

pub fn label(value: &Value) -> Label {
    let text = |i: usize| value[i].as_str().expect("label").to_owned();
    Label::new(text(0), u32::try_from(value[1].as_u64().expect("line")).expect("line"), text(2))
}

impl Case {
    pub fn load(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let list = |key: &str| json[key].as_array().unwrap_or_else(|| panic!("{}: {key}", file.display()));
        let event = |e: &Value| Event {
            thread: e[0].as_u64().expect("thread"),
            kind: match e[1].as_str() {
                Some("enter") => Kind::Enter,
                Some("exit") => Kind::Exit,
                Some("raise") => Kind::Raise,
                other => panic!("event {other:?}"),
            },
            function: e[2].as_u64().expect("function") as usize,
            tick: e[3].as_u64().expect("tick"),
        };
        Self {
            name: json["name"].as_str().expect("name").to_owned(),
            functions: list("functions").iter().map(label).collect(),
            events: list("events").iter().map(event).collect(),
            timeunit: json["timeunit"].as_f64().unwrap_or(1e-9),
            subcalls: json["subcalls"].as_bool().unwrap_or(true),
            json,
        }
    }

    /// The threads in order of first appearance.
    pub fn threads(&self) -> Vec<u64> {
        let mut threads = Vec::new();
        for event in &self.events {
            if !threads.contains(&event.thread) {
                threads.push(event.thread);
            }
        }
        threads
    }

    /// When the thread's open frames are read: as given, or its last event.
    pub fn end(&self, thread: u64) -> u64 {
        self.json["end"][thread.to_string()].as_u64().unwrap_or_else(|| {
            self.events.iter().rev().find(|e| e.thread == thread).map_or(0, |event| event.tick)
        })
    }
}
