//! What cargo said and how it ended: results of tests, crates that were compiled, errors.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn by(command: &mut Command) -> Self {
        let output = command.stdin(Stdio::null()).output().expect("it starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// That must have gone well.
    #[track_caller]
    pub fn fine(self) -> Self {
        self.ends_with(0)
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The one line of a run that was refused.
    #[track_caller]
    pub fn refusal(&self) -> &str {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert_eq!((self.code, lines.len()), (Some(2), 1), "{self:?}");
        lines[0].strip_prefix("error: ").expect("an error")
    }

    /// `test NAME ... ok` and the sums, in order of the alphabet: threads are in none.
    pub fn tests(&self) -> Vec<String> {
        let lines = self.stdout.lines().filter(|line| line.starts_with("test "));
        let mut tests: Vec<String> =
            lines.map(|line| line.split("; finished in").next().unwrap_or(line).to_owned()).collect();
        tests.sort();
        tests
    }

    /// Where tests panicked, and why: columns of lines with calls in them differ.
    pub fn panics(&self) -> Vec<String> {
        let mut panics = Vec::new();
        let mut lines = self.stdout.lines();
        while let Some(line) = lines.next() {
            let Some((_, place)) = line.split_once("panicked at ") else { continue };
            let place = place.trim_end_matches(':').rsplit_once(':').map_or(place, |(line, _)| line);
            let why: Vec<&str> = lines.by_ref().take(3).collect();
            // Files that rustdoc makes have other names each time.
            if !place.contains("rustdoctest") {
                panics.push(format!("{place}: {}", why.join(" ")));
            }
        }
        panics.sort();
        panics
    }

    /// Of cargo's `--verbose`: the packages that rustc was called for.
    pub fn compiled(&self) -> BTreeSet<&str> {
        self.packages("Compiling ").chain(self.packages("Dirty ")).collect()
    }

    pub fn fresh(&self) -> BTreeSet<&str> {
        self.packages("Fresh ").collect()
    }

    fn packages<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.stderr.lines().filter_map(move |line| line.trim_start().strip_prefix(what));
        lines.filter_map(|line| line.split_whitespace().next())
    }

    /// The compiler's errors with their places, and cargo's.
    pub fn errors(&self) -> Vec<&str> {
        let mut errors = Vec::new();
        let mut in_error = false;
        for line in self.stderr.lines() {
            in_error =
                line.starts_with("error") || (in_error && !line.is_empty() && !line.starts_with("warning"));
            if in_error {
                errors.push(line);
            }
        }
        errors
    }
}
