//! The tool as cargo's `RUSTC_WORKSPACE_WRAPPER`: compiles the mirror of a crate in place of the crate.
//!
//! What does not compile in the mirror and does without it is our fault and not the user's. Then the functions that the
//! compiler complains of are left out, and if that is not enough, all of the crate; it is said in the report.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::excerpt;
use super::mirror::Mirror;
use super::plan::{Plan, Root};
use super::unit::Unit;
use crate::failure::Failure;

/// The name that the tool is called by as a wrapper.
pub(crate) const NAME: &str = "profile-cost-rustc";

/// Set where nothing but the runtime and what it needs is to be compiled: what is linked with it comes later.
pub(crate) const RUNTIME_ONLY: &str = "PROFILE_COST_WHOLE_RUNTIME_ONLY";

/// Rounds of leaving functions out.
const ROUNDS: usize = 4;

/// How a crate was compiled; a file for each in the plan's folder.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Compiled {
    pub(crate) package: String,
    pub(crate) root: PathBuf,
    pub(crate) is_test: bool,
    pub(crate) features: BTreeSet<String>,
    /// The user's files that are in it.
    pub(crate) files: BTreeSet<PathBuf>,
    /// Why it is as it was.
    pub(crate) plain: Option<String>,
}

/// `wrapper rustc ARGUMENTS`.
pub(crate) fn run(wrapper: &Path, arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let (rustc, unit) = Unit::of_cargo(arguments)?;
    let home = wrapper.parent().unwrap_or(wrapper);
    let compiler = Compiler { rustc, plan: Plan::read(home)?, home: home.to_owned() };
    compiler.compile(&unit)
}

struct Compiler {
    rustc: OsString,
    plan: Plan,
    home: PathBuf,
}

/// What rustc said and how it ended.
struct Outcome {
    code: Option<i32>,
    /// What was not passed on.
    held: Vec<String>,
}

/// What is done with what rustc says.
#[derive(Clone, Copy, PartialEq)]
enum Output {
    /// Passed on once it is known that the crate is good: cargo goes on with crates that need no more of it.
    OnceGood,
    Held,
}

impl Compiler {
    fn compile(&self, unit: &Unit) -> Result<ExitCode, Failure> {
        let root = unit.root().and_then(|path| path.canonicalize().ok());
        let known = root.and_then(|path| Some((self.plan.roots.get(&path)?, path)));
        let for_build = self.plan.names_target && unit.value("--target").is_none();
        let runs = |root: &Root| !root.is_proc_macro || unit.is_test();
        let Some((root, path)) = known.filter(|(root, _)| !for_build && runs(root)) else {
            return self.pass_through(unit);
        };
        if std::env::var_os(RUNTIME_ONLY).is_some() {
            return Ok(ExitCode::FAILURE);
        }
        let mut compiled = Compiled {
            package: root.package.clone(),
            root: path.clone(),
            is_test: unit.is_test(),
            features: unit.features(),
            files: BTreeSet::new(),
            plain: None,
        };
        let code = self.compile_mirrored(unit, &path, &mut compiled)?;
        if code == Some(0)
            && let Some(dependencies) = unit.dependencies_file()
        {
            compiled.files = self.name_the_users_files(&dependencies)?;
            self.note(unit, &compiled)?;
        }
        Ok(exit_code(code))
    }

    /// Without us, but for where the libraries lie that instrumented crates are linked with.
    fn pass_through(&self, unit: &Unit) -> Result<ExitCode, Failure> {
        let mut rustc = match &self.plan.replaces {
            Some(wrapper) => {
                let mut wrapped = Command::new(wrapper);
                wrapped.arg(&self.rustc);
                wrapped
            }
            None => Command::new(&self.rustc),
        };
        rustc.args(&unit.arguments);
        if unit.value("--crate-name").is_some_and(|name| name != "___") {
            rustc.arg("-L").arg(self.library_path());
        }
        let status = rustc.status().map_err(|error| self.no_rustc(&error))?;
        Ok(exit_code(status.code()))
    }

    fn compile_mirrored(
        &self,
        unit: &Unit,
        root: &Path,
        compiled: &mut Compiled,
    ) -> Result<Option<i32>, Failure> {
        let mut mirror = self.mirror()?;
        let mut generated = std::env::var_os("OUT_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
        if let Some(folder) = &mut generated {
            let _lock = self.lock()?;
            // As others may have left it meanwhile.
            mirror = self.mirror()?;
            mirror.add_generated(folder)?;
            *folder = mirror.of(folder);
        }
        let generated = generated.as_deref();
        let mut arguments = unit.mirrored(&mirror.of(root), mirror.root());
        let mut runtime = OsString::from("__profile_cost=");
        runtime.push(&self.plan.runtime.rlib);
        arguments.extend(["--extern".into(), runtime]);
        let mut outcome = self.rustc(&arguments, generated, Output::OnceGood)?;
        if outcome.code == Some(0) || !outcome.is_refused() {
            outcome.pass_on();
            return Ok(outcome.code);
        }
        // Is it the user's own?
        let plain = self.rustc(&unit.arguments, None, Output::Held)?;
        if plain.code != Some(0) {
            plain.pass_on();
            return Ok(plain.code);
        }
        let why = outcome.first_error();
        arguments.push("--cap-lints=warn".into());
        for _ in 0..ROUNDS {
            let _lock = self.lock()?;
            let mut mirror = self.mirror()?;
            let blamed = outcome.blamed(&mirror, unit);
            mirror.leave_out(&blamed)?;
            outcome = self.rustc(&arguments, generated, Output::Held)?;
            if outcome.code == Some(0) {
                outcome.pass_on();
                return Ok(outcome.code);
            }
            if blamed.is_empty() {
                break;
            }
        }
        compiled.plain = Some(why);
        let plain = self.rustc(&unit.arguments, None, Output::OnceGood)?;
        plain.pass_on();
        Ok(plain.code)
    }

    fn mirror(&self) -> Result<Mirror<'_>, Failure> {
        Mirror::open(&self.plan, &self.home)
    }

    fn lock(&self) -> Result<fs::File, Failure> {
        let path = self.home.join("lock");
        let lock = fs::File::create(&path).and_then(|file| file.lock().map(|()| file));
        lock.map_err(|error| Failure::of_file(&path, &error))
    }

    fn library_path(&self) -> OsString {
        let mut path = OsString::from("dependency=");
        path.push(&self.plan.runtime.dependencies);
        path
    }

    /// `generated` is where the mirror has what the build script wrote.
    fn rustc(
        &self,
        arguments: &[OsString],
        generated: Option<&Path>,
        output: Output,
    ) -> Result<Outcome, Failure> {
        let mut rustc = Command::new(&self.rustc);
        if let Some(folder) = generated {
            rustc.env("OUT_DIR", folder);
        }
        rustc.args(arguments).arg("-L").arg(self.library_path()).stderr(Stdio::piped());
        let mut child = rustc.spawn().map_err(|error| self.no_rustc(&error))?;
        let mut held = Vec::new();
        let mut is_good = false;
        for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
            let line = String::from_utf8_lossy(&line.unwrap_or_default()).into_owned();
            // With its metadata a crate has been checked.
            is_good |= output == Output::OnceGood && line.contains(r#""emit":"metadata""#);
            held.push(line);
            if is_good {
                held.drain(..).for_each(|line| say(&line));
            }
        }
        let status = child.wait().map_err(|error| self.no_rustc(&error))?;
        Ok(Outcome { code: status.code(), held })
    }

    fn no_rustc(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("{} cannot be run: {error}", self.rustc.to_string_lossy()))
    }

    /// Cargo watches the files that rustc read: the user's have to stand there, or edits go unnoticed. Returns those of
    /// them that are in the mirror.
    fn name_the_users_files(&self, dependencies: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
        let failed = |error| Failure::of_file(dependencies, &error);
        let text = fs::read_to_string(dependencies).map_err(failed)?;
        let mirror = self.mirror()?;
        // Spaces are escaped in it.
        let prefix = format!("{}/", mirror.root().display()).replace(' ', "\\ ");
        let named = text.replace(&prefix, "/");
        if named != text {
            fs::write(dependencies, &named).map_err(failed)?;
        }
        // Not what the program includes by a path of its own: that is as the user has it.
        let names = text.lines().filter_map(|line| line.strip_suffix(':')?.strip_prefix(&prefix));
        let files = names.map(|name| lexical(&Path::new("/").join(name.replace("\\ ", " "))));
        Ok(files.filter(|path| mirror.index().files.contains_key(path)).collect())
    }

    fn note(&self, unit: &Unit, compiled: &Compiled) -> Result<(), Failure> {
        let folder = self.home.join("crates");
        let path = folder.join(format!("{}.json", unit.stem().unwrap_or_default()));
        let text = serde_json::to_string(compiled).map_err(|error| Failure::new(error.to_string()))?;
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::of_file(&path, &error))
    }
}

/// Without `..`: the folders of the mirror are no links.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path {
        if part == ".." { _ = plain.pop() } else { plain.push(part) }
    }
    plain
}

impl Outcome {
    fn pass_on(&self) {
        self.held.iter().for_each(|line| say(line));
    }

    /// rustc found errors in the source; it did not crash, nor was it killed.
    fn is_refused(&self) -> bool {
        self.code == Some(1)
    }

    fn errors(&self) -> impl Iterator<Item = Value> {
        let messages = self.held.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        messages.filter(|message| message["level"] == "error")
    }

    fn first_error(&self) -> String {
        let first = self.errors().find_map(|error| error["message"].as_str().map(str::to_owned));
        first.unwrap_or_else(|| "rustc does not say why".to_owned())
    }

    /// The functions that errors are in: the user's file, and the line of the function's name.
    fn blamed(&self, mirror: &Mirror<'_>, unit: &Unit) -> BTreeMap<PathBuf, BTreeSet<usize>> {
        let mut blamed: BTreeMap<PathBuf, BTreeSet<usize>> = BTreeMap::new();
        for error in self.errors() {
            let mut spans = Vec::new();
            collect_spans(&error, &mut spans);
            for (file, line) in spans {
                let path = unit.in_folder(&file);
                let Some(known) = mirror.index().files.get(&path) else { continue };
                let around = known.functions.iter().filter(|f| f.lines.contains(&line));
                blamed.entry(path).or_default().extend(around.map(|f| f.line));
            }
        }
        blamed.retain(|_, lines| !lines.is_empty());
        blamed
    }
}

/// All places that a message names, also those in macros and notes.
fn collect_spans(value: &Value, spans: &mut Vec<(PathBuf, usize)>) {
    match value {
        Value::Object(object) => {
            if let (Some(file), Some(line)) = (
                object.get("file_name").and_then(Value::as_str),
                object.get("line_start").and_then(Value::as_u64),
            ) {
                spans.push((file.into(), line as usize));
            }
            object.values().for_each(|value| collect_spans(value, spans));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_spans(value, spans)),
        _ => {}
    }
}

fn say(line: &str) {
    let hidden = excerpt::hidden(line);
    let line = hidden.as_deref().unwrap_or(line);
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(line.as_bytes()).and_then(|()| stderr.write_all(b"\n"));
}

fn exit_code(code: Option<i32>) -> ExitCode {
    // Killed: cargo is to know that it failed.
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(101))
}
