//! `browse`: the interactive browser of Python's pstats, its commands and what it says.

mod command;
mod editor;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use profile_cost_runtime::{Look, Restriction, SortKey, Stats, Style};

use crate::args::Browse;
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::output;
use crate::terminal::Screen;
use command::{ARGUMENTS, COMMANDS, KEYS, Line};
use editor::Editor;

const NOTHING_LOADED: &str = "No statistics object is loaded.";

pub(crate) fn run(asked: &Browse, screen: &Screen) -> Result<(), Failure> {
    let files = input::files(&asked.files)?;
    if files.iter().any(|file| file == Path::new("-")) {
        return Err(Failure::new("-: commands are read from stdin; give the profile as a file"));
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        let mut browser = Browser::new(asked.style.into(), *screen);
        let mut out = io::stdout();
        let mut editor = Editor::new()?;
        let session = (|| {
            browser.begin(&files, &mut out)?;
            loop {
                browser.look = screen.look();
                let line = editor.line(&browser.prompt())?;
                match line {
                    // Ctrl-C leaves without a word, as in Python.
                    editor::Read::Interrupted => return Ok(()),
                    editor::Read::End => {
                        browser.obey("EOF", &mut out)?;
                        break;
                    }
                    editor::Read::Line(line) => {
                        if browser.obey(&line, &mut out)? == Next::Leave {
                            break;
                        }
                    }
                }
            }
            writeln!(out, "Goodbye.")
        })();
        editor.keep_history();
        return match session {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::of_file(Path::new("stdout"), &error))
            }
            _ => Ok(()),
        };
    }
    output::to_stdout(|out| {
        let mut browser = Browser::new(asked.style.into(), *screen);
        browser.begin(&files, out)?;
        let mut lines = io::stdin().lock();
        loop {
            write!(out, "{}", browser.prompt())?;
            out.flush()?;
            let mut bytes = Vec::new();
            let line = match lines.read_until(b'\n', &mut bytes)? {
                0 => "EOF".to_owned(),
                _ => String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned(),
            };
            if browser.obey(&line, out)? == Next::Leave {
                return writeln!(out, "Goodbye.");
            }
        }
    })
}

/// What follows a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Go,
    Leave,
}

/// The state of a session.
struct Browser {
    stats: Option<Stats>,
    /// What was read last: it stands in the prompt.
    file: String,
    /// What an empty line does again.
    last: String,
    style: Style,
    look: Look,
}

impl Browser {
    fn new(style: Style, screen: Screen) -> Self {
        Self { stats: None, file: String::new(), last: String::new(), style, look: screen.look() }
    }

    fn prompt(&self) -> String {
        let file: String = self.file.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        format!("{file}% ")
    }

    fn begin(&mut self, files: &[PathBuf], out: &mut dyn Write) -> io::Result<()> {
        if let Some((first, others)) = files.split_first() {
            self.read(&first.to_string_lossy(), out)?;
            for other in others {
                self.add(&other.to_string_lossy(), out)?;
            }
        }
        writeln!(out, "Welcome to the profile statistics browser.")
    }

    fn obey(&mut self, text: &str, out: &mut dyn Write) -> io::Result<Next> {
        let text = text.trim();
        if text.is_empty() {
            let last = self.last.clone();
            return if last.is_empty() { Ok(Next::Go) } else { self.obey(&last, out) };
        }
        self.last = if text == "EOF" { String::new() } else { text.to_owned() };
        let Line { command, argument } = Line::parse(text);
        match command {
            "EOF" => {
                writeln!(out)?;
                return Ok(Next::Leave);
            }
            "quit" => return Ok(Next::Leave),
            "help" => help(argument, out)?,
            "read" => self.read(argument, out)?,
            "add" => self.add(argument, out)?,
            "sort" => self.sort(argument, out)?,
            "stats" | "callers" | "callees" => self.print(command, argument, out)?,
            "reverse" => self.with_stats(out, |stats| {
                stats.reverse_order();
            })?,
            "strip" => self.with_stats(out, |stats| {
                stats.strip_dirs();
            })?,
            _ => writeln!(out, "*** Unknown syntax: {text}")?,
        }
        Ok(Next::Go)
    }

    fn with_stats(&mut self, out: &mut dyn Write, change: impl FnOnce(&mut Stats)) -> io::Result<()> {
        match &mut self.stats {
            Some(stats) => {
                change(stats);
                Ok(())
            }
            None => writeln!(out, "{NOTHING_LOADED}"),
        }
    }

    fn read(&mut self, argument: &str, out: &mut dyn Write) -> io::Result<()> {
        if argument.is_empty() {
            if self.file.is_empty() {
                return writeln!(out, "No statistics object is current -- cannot reload.");
            }
            let file = self.file.clone();
            return self.read(&file, out);
        }
        match load(argument) {
            Ok(stats) => {
                self.stats = Some(stats);
                self.file = argument.to_owned();
                Ok(())
            }
            Err(message) => writeln!(out, "{message}"),
        }
    }

    fn add(&mut self, argument: &str, out: &mut dyn Write) -> io::Result<()> {
        let Some(stats) = &mut self.stats else { return writeln!(out, "{NOTHING_LOADED}") };
        match load(argument) {
            Ok(more) => {
                stats.add(&more);
                Ok(())
            }
            Err(message) => writeln!(out, "Failed to load statistics for {argument}: {message}"),
        }
    }

    fn sort(&mut self, argument: &str, out: &mut dyn Write) -> io::Result<()> {
        let Some(stats) = &mut self.stats else { return writeln!(out, "{NOTHING_LOADED}") };
        let keys: Result<Vec<SortKey>, _> = argument.split_whitespace().map(str::parse).collect();
        if let Ok(keys) = keys
            && !keys.is_empty()
        {
            stats.sort_stats(keys);
            return Ok(());
        }
        writeln!(out, "Valid sort keys (unique prefixes are accepted):")?;
        for key in KEYS {
            let description = key.parse::<SortKey>().map_or("", SortKey::description);
            writeln!(out, "{key} -- {description}")?;
        }
        Ok(())
    }

    fn print(&mut self, command: &str, argument: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut restrictions: Vec<Restriction> = Vec::new();
        for word in argument.split_whitespace() {
            match input::restriction(word) {
                Ok(restriction) => restrictions.push(restriction),
                Err(_) => writeln!(out, "Fraction argument must be in [0, 1]")?,
            }
        }
        let Some(stats) = &mut self.stats else { return writeln!(out, "{NOTHING_LOADED}") };
        stats.style(self.style).look(self.look);
        match command {
            "stats" => stats.print_stats(out, restrictions)?,
            "callers" => stats.print_callers(out, restrictions)?,
            _ => stats.print_callees(out, restrictions)?,
        };
        Ok(())
    }
}

/// Reads a file; what is wrong with it in Python's words where it has some.
fn load(name: &str) -> Result<Stats, String> {
    if name == "-" {
        return Err("commands are read from stdin".to_owned());
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err("No such file or directory".to_owned());
    }
    Input::read(path).map(|input| input.recording.stats()).map_err(|failure| failure.to_string())
}

fn help(topic: &str, out: &mut dyn Write) -> io::Result<()> {
    if topic.is_empty() {
        let names: Vec<&str> = COMMANDS.iter().map(|(name, ..)| *name).collect();
        let title = "Documented commands (type help <topic>):";
        return writeln!(out, "\n{title}\n{}\n{}\n", "=".repeat(title.len()), names.join("  "));
    }
    match COMMANDS.iter().find(|(name, ..)| *name == topic) {
        None => writeln!(out, "*** No help on {topic}"),
        Some((_, lines, has_restrictions)) => {
            writeln!(out, "{lines}")?;
            if *has_restrictions { writeln!(out, "{ARGUMENTS}") } else { Ok(()) }
        }
    }
}
