//! The line that is typed: completion, and a history that outlives the session.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};

use super::command::{COMMANDS, KEYS};
use crate::failure::Failure;

/// What came of a prompt.
pub(super) enum Read {
    Line(String),
    /// Ctrl-D.
    End,
    /// Ctrl-C.
    Interrupted,
}

/// A line editor with the browser's completion.
pub(super) struct Editor {
    lines: rustyline::Editor<Words, DefaultHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new() -> Result<Self, Failure> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true);
        let failed = |error: ReadlineError| Failure::new(format!("the terminal cannot be used: {error}"));
        let mut lines = rustyline::Editor::with_config(config.build()).map_err(failed)?;
        lines.set_helper(Some(Words { files: FilenameCompleter::new() }));
        let history = history_file();
        if let Some(file) = &history {
            // There is none the first time.
            let _ = lines.load_history(file);
        }
        Ok(Self { lines, history })
    }

    pub(super) fn line(&mut self, prompt: &str) -> io::Result<Read> {
        match self.lines.readline(prompt) {
            Ok(line) => Ok(Read::Line(line)),
            Err(ReadlineError::Eof) => Ok(Read::End),
            Err(ReadlineError::Interrupted) => Ok(Read::Interrupted),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// A history that cannot be kept is no reason to complain at every end.
    pub(super) fn keep_history(&mut self) {
        if let Some(file) = &self.history {
            let _ = file.parent().map(fs::create_dir_all);
            let _ = self.lines.save_history(file);
        }
    }
}

/// `$XDG_STATE_HOME/profile-cost/history`.
fn history_file() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    let state = state.or_else(|| set("LOCALAPPDATA"))?;
    Some(state.join("profile-cost/history"))
}

/// What may be typed.
struct Words {
    files: FilenameCompleter,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        let start = before.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let word = &before[start..];
        let commands = || COMMANDS.iter().map(|(name, ..)| *name).collect::<Vec<_>>();
        let words = match before[..start].split_whitespace().next() {
            None => commands(),
            Some("help" | "?") => commands(),
            Some("sort") => KEYS.to_vec(),
            Some("read" | "add") => return self.files.complete(line, at, context),
            Some(_) => Vec::new(),
        };
        let fits = words.into_iter().filter(|name| name.starts_with(word));
        Ok((start, fits.map(|name| Pair { display: name.into(), replacement: format!("{name} ") }).collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}
