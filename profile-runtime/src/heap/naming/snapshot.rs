//! A snapshot's addresses named from files of machine code, and then its traces' types.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::file::ElfFile;
use super::symbols;
use crate::heap::frame::{Module, Source};
use crate::heap::snapshot::Snapshot;
use crate::heap::types;

/// A module whose addresses got no names, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unnamed {
    /// Path of the module, as the process saw it.
    pub module: String,
    /// Addresses in it.
    pub frames: usize,
    /// One line, with the remedy.
    pub reason: String,
}

impl fmt::Display for Unnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.frames == 1 { "" } else { "es" };
        write!(f, "{}, {} address{s}: {}", self.module, self.frames, self.reason)
    }
}

/// The running program, also when its file was deleted or another one put in its place.
pub(super) const THIS_PROGRAM: &str = "/proc/self/exe";

impl Snapshot {
    /// Names the addresses of a snapshot of this process, in this process.
    ///
    /// Takes a few megabytes of memory for the time of the call, and what the names themselves take for good; the files
    /// are mapped, not read. [`Snapshot::name`] leaves all the work to a child.
    ///
    /// # Errors
    /// When nothing of the program could be named, with the reason.
    pub fn name_here(&mut self) -> io::Result<()> {
        let unnamed = self.name_modules(|module| {
            let mut problem = None;
            for path in [Path::new(THIS_PROGRAM), Path::new(&module.path)] {
                match belonging(module, path) {
                    Ok(file) => return Ok(file),
                    Err(error) => problem = Some(error),
                }
            }
            Err(problem.unwrap_or_default())
        });
        self.succeeded(&unnamed)
    }

    /// Names the addresses of a snapshot from files: those given, matched with the snapshot's modules by build id, and
    /// for the other modules the files where the process had them, if they are still the same. A snapshot of a stripped
    /// program is named from the file before it was stripped. Returns the modules that got no names.
    ///
    /// # Errors
    /// When a file is none of the snapshot's modules, or cannot be read, or nothing of the program could be named.
    pub fn name_from(&mut self, files: &[PathBuf]) -> io::Result<Vec<Unnamed>> {
        let mut given: Vec<(ElfFile, usize)> = Vec::new();
        for path in files {
            let file = open(path)?;
            let module = self.module_of_file(&file).map_err(|problem| of_file(path, &problem))?;
            given.push((file, module));
        }
        let indices: HashMap<(String, String), usize> = self.modules.iter().map(key).zip(0..).collect();
        let unnamed = self.name_modules(|module| {
            let index = indices.get(&key(module));
            match given.iter().position(|(_, of)| Some(of) == index) {
                Some(at) => Ok(given.swap_remove(at).0),
                None => belonging(module, Path::new(&module.path)),
            }
        });
        self.succeeded(&unnamed)?;
        Ok(unnamed)
    }

    /// Which of the snapshot's modules a file is, as its index: told by build id, and where neither has one by name. A
    /// file that `objcopy --only-keep-debug` wrote is the one that it was made from.
    ///
    /// # Errors
    /// When it is none of them, or cannot be read; one line that says which builds there are.
    pub fn module_of(&self, file: impl AsRef<Path>) -> io::Result<usize> {
        let path = file.as_ref();
        let file = open(path)?;
        self.module_of_file(&file).map_err(|problem| of_file(path, &problem))
    }

    fn module_of_file(&self, file: &ElfFile) -> Result<usize, String> {
        let id = file.build_id();
        let same_name = |module: &Module| Path::new(&module.path).file_name() == file.path().file_name();
        if !id.is_empty()
            && let Some(found) = self.modules.iter().position(|module| module.build_id == id)
        {
            return Ok(found);
        }
        // What has no id on either side is told by its name.
        let by_name = self.modules.iter().position(same_name);
        if let Some(found) = by_name.filter(|&at| id.is_empty() && self.modules[at].build_id.is_empty()) {
            return Ok(found);
        }
        let expected = match by_name.or((self.modules.len() == 1).then_some(0)).map(|at| &self.modules[at]) {
            Some(module) => format!("{} is {}", module.path, of_id(&module.build_id)),
            None => format!("the snapshot has {} modules and none is that", self.modules.len()),
        };
        Err(format!("{}, but {expected}; give the very build that was recorded", of_id(&id)))
    }

    /// Names frames, module by module, from the files that `open` finds; then the types.
    fn name_modules(&mut self, mut open: impl FnMut(&Module) -> Result<ElfFile, String>) -> Vec<Unnamed> {
        let mut unnamed = Vec::new();
        for (index, module) in (0..).zip(&self.modules) {
            let frames: Vec<_> = self.frames.iter_mut().filter(|frame| frame.module == Some(index)).collect();
            if frames.is_empty() {
                continue;
            }
            let addresses: Vec<u64> = frames.iter().map(|frame| frame.address).collect();
            match open(module).and_then(|file| symbols::sources(&file, &addresses)) {
                Ok(sources) => {
                    for (frame, sources) in frames.into_iter().zip(sources) {
                        frame.sources = sources;
                    }
                }
                Err(reason) => {
                    unnamed.push(Unnamed { module: module.path.clone(), frames: frames.len(), reason })
                }
            }
        }
        self.settle();
        unnamed
    }

    /// After frames were given names: whether those are names of the program, and the types that they tell.
    pub(super) fn settle(&mut self) {
        self.named = self.main_module().is_none_or(|main| {
            self.frames.iter().any(|frame| frame.module == Some(main) && !frame.sources.is_empty())
        });
        if !self.named {
            self.frames.iter_mut().for_each(|frame| frame.sources.clear());
        }
        self.classify();
    }

    /// Fills in which type owns the blocks of each trace.
    fn classify(&mut self) {
        let mut ids: HashMap<String, u32> = HashMap::new();
        self.types.clear();
        for trace in &mut self.traces {
            let frames = trace.frames.iter().filter_map(|id| self.frames.get(id.0 as usize));
            let stack: Vec<&[Source]> = frames.map(|frame| frame.sources.as_slice()).collect();
            trace.type_id = types::classify(&stack, trace.align, trace.first_size).map(|name| {
                *ids.entry(name).or_insert_with_key(|name| {
                    self.types.push(name.clone());
                    self.types.len() as u32 - 1
                })
            });
        }
    }

    /// The module that most addresses are in: the program, nearly always. Without its names those of the libraries
    /// around it tell nothing.
    fn main_module(&self) -> Option<u32> {
        let mut addresses = vec![0_usize; self.modules.len()];
        for module in self.frames.iter().filter_map(|frame| frame.module) {
            if let Some(count) = addresses.get_mut(module as usize) {
                *count += 1;
            }
        }
        let counted = (0..).zip(addresses).filter(|(_, count)| *count > 0);
        counted.max_by_key(|&(module, count)| (count, Reverse(module))).map(|(module, _)| module)
    }

    fn succeeded(&self, unnamed: &[Unnamed]) -> io::Result<()> {
        match unnamed.iter().max_by_key(|module| module.frames) {
            Some(main) if !self.named => Err(io::Error::new(io::ErrorKind::NotFound, main.to_string())),
            _ => Ok(()),
        }
    }
}

fn key(module: &Module) -> (String, String) {
    (module.path.clone(), module.build_id.clone())
}

/// The file there, if it is that module.
fn belonging(module: &Module, path: &Path) -> Result<ElfFile, String> {
    let file = ElfFile::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "no such file here; give it, or one with its debug information".to_owned(),
        _ => error.to_string(),
    })?;
    let id = file.build_id();
    if id != module.build_id {
        return Err(format!(
            "the file there is {}, the one that was recorded {}; give the very build that was recorded",
            of_id(&id),
            of_id(&module.build_id)
        ));
    }
    // What has no id is told by its path.
    let is_it = !id.is_empty() || same_file(path, Path::new(&module.path));
    if is_it { Ok(file) } else { Err("it has no build id to be told by; give the file".to_owned()) }
}

fn same_file(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn of_id(id: &str) -> String {
    if id.is_empty() { "without a build id".to_owned() } else { format!("build {id}") }
}

/// A file that was given by its name.
fn open(path: &Path) -> io::Result<ElfFile> {
    ElfFile::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => of_file(path, &"no such file; check the name"),
        _ => of_file(path, &error),
    })
}

fn of_file(path: &Path, problem: &dyn fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {problem}", path.display()))
}
