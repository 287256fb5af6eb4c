//! One call of rustc by cargo: what it compiles, and what of its arguments has to change for the mirror.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::excerpt;
use crate::failure::Failure;

/// With `=`, as cargo says it: how wide what the compiler shows may be.
const WIDTH: &str = "--diagnostic-width";
/// Where nobody says.
const USUAL_WIDTH: usize = 140;

/// The arguments of rustc, read as far as needed.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) arguments: Vec<OsString>,
    /// Which of them is the crate's root.
    root: Option<usize>,
    folder: PathBuf,
}

impl Unit {
    /// As cargo calls a wrapper: the program to call, and what with.
    pub(crate) fn of_cargo(
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Result<(OsString, Self), Failure> {
        let program = arguments
            .next()
            .ok_or_else(|| Failure::new("cargo did not say which rustc; this is its wrapper"))?;
        let folder =
            std::env::current_dir().map_err(|error| Failure::new(format!("no current folder: {error}")))?;
        Ok((program, Self::new(arguments.collect(), folder)))
    }

    /// `folder` is the one that rustc runs in.
    pub(crate) fn new(arguments: Vec<OsString>, folder: PathBuf) -> Self {
        let root = (0..arguments.len()).find(|&index| {
            let is_source = Path::new(&arguments[index]).extension() == Some(OsStr::new("rs"));
            // NOTE: every flag of cargo's that takes a file takes none that ends so.
            is_source && !arguments[index].to_string_lossy().starts_with('-')
        });
        Self { arguments, root, folder }
    }

    /// The crate's root, absolute.
    pub(crate) fn root(&self) -> Option<PathBuf> {
        Some(self.folder.join(&self.arguments[self.root?]))
    }

    pub(crate) fn set_root(&mut self, path: &Path) {
        if let Some(root) = self.root {
            self.arguments[root] = path.into();
        }
    }

    /// The value of `--name value` or `--name=value`, the last of them.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let with = format!("{name}=");
        let pairs = self.arguments.iter().enumerate().rev();
        let mut found = pairs.filter_map(|(index, argument)| {
            let argument = argument.to_str()?;
            if argument == name {
                return self.arguments.get(index + 1)?.to_str();
            }
            argument.strip_prefix(with.as_str())
        });
        found.next()
    }

    fn codegen(&self, name: &str) -> Option<&str> {
        let with = format!("{name}=");
        let options = self.arguments.iter().filter_map(|a| a.to_str());
        options.filter_map(|a| a.strip_prefix("-C").unwrap_or(a).strip_prefix(with.as_str())).next_back()
    }

    /// A path as rustc says it.
    pub(crate) fn in_folder(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// With the crate's own tests, if it has a harness for them or not.
    pub(crate) fn is_test(&self) -> bool {
        let mut pairs = self.arguments.windows(2);
        self.arguments.iter().any(|argument| argument == "--test")
            || pairs.any(|pair| pair[0] == "--cfg" && pair[1] == "test")
    }

    /// Those of the package's that are on.
    pub(crate) fn features(&self) -> BTreeSet<String> {
        let pairs = self.arguments.windows(2).filter(|pair| pair[0] == "--cfg");
        let settings = pairs.filter_map(|pair| pair[1].to_str());
        let quoted = settings.filter_map(|setting| setting.strip_prefix("feature=\"")?.strip_suffix('"'));
        quoted.map(str::to_owned).collect()
    }

    /// `NAME-HASH`, as the files that are made are called.
    pub(crate) fn stem(&self) -> Option<String> {
        let name = self.value("--crate-name")?;
        Some(format!("{name}{}", self.codegen("extra-filename").unwrap_or_default()))
    }

    /// The file in which rustc tells cargo what it read.
    pub(crate) fn dependencies_file(&self) -> Option<PathBuf> {
        if !self.value("--emit")?.contains("dep-info") {
            return None;
        }
        Some(self.folder.join(self.value("--out-dir")?).join(format!("{}.d", self.stem()?)))
    }

    /// The arguments with the mirror's root in place of the crate's. Paths come out as they would otherwise: in
    /// `file!()`, in debug information, in what the compiler says.
    pub(crate) fn mirrored(&self, mirrored_root: &Path, mirror: &Path) -> Vec<OsString> {
        let mut arguments = self.arguments.clone();
        if let Some(root) = self.root {
            arguments[root] = mirrored_root.into();
        }
        // Lines that it shows are longer, and would be cut.
        let width: usize = self.value(WIDTH).and_then(|width| width.parse().ok()).unwrap_or(USUAL_WIDTH);
        let is_width = |argument: &OsString| argument.to_str().is_some_and(|a| a.starts_with(WIDTH));
        arguments.retain(|argument| !is_width(argument));
        arguments.push(format!("{WIDTH}={}", width + excerpt::LONGER).into());
        let mut remap = |from: &Path, to: &str| {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            arguments.push(flag);
        };
        // The last that fits is taken.
        remap(mirror, "/");
        let is_relative = self.root.is_some_and(|root| Path::new(&self.arguments[root]).is_relative());
        if is_relative {
            let folder = self.folder.strip_prefix("/").unwrap_or(&self.folder);
            remap(&mirror.join(folder), "");
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(line: &str) -> Unit {
        Unit::new(line.split(' ').map(OsString::from).collect(), "/home/me/app".into())
    }

    #[test]
    fn as_cargo_calls_it() {
        let unit = unit(
            "--crate-name app --edition=2024 src/main.rs --error-format=json --crate-type bin \
             --emit=dep-info,link -C embed-bitcode=no -C metadata=1a -C extra-filename=-7b --out-dir /t/debug/deps \
             -L dependency=/t/debug/deps --extern log=/t/liblog.rlib",
        );
        assert_eq!(unit.root(), Some("/home/me/app/src/main.rs".into()));
        assert_eq!(unit.dependencies_file(), Some("/t/debug/deps/app-7b.d".into()));
        assert!(!unit.is_test() && unit.features().is_empty());
        let mirrored = unit.mirrored(Path::new("/m/home/me/app/src/main.rs"), Path::new("/m"));
        assert_eq!(mirrored[3], "/m/home/me/app/src/main.rs");
        let added: Vec<_> = mirrored[unit.arguments.len()..].iter().map(|a| a.to_str().unwrap()).collect();
        assert_eq!(
            added,
            ["--diagnostic-width=540", "--remap-path-prefix=/m=/", "--remap-path-prefix=/m/home/me/app="]
        );
    }

    #[test]
    fn of_flags_given_twice_the_last_counts() {
        let twice = unit("a.rs --diagnostic-width=90 --crate-name a --diagnostic-width=100 --crate-name b");
        assert_eq!((twice.value("--crate-name"), twice.value(WIDTH)), (Some("b"), Some("100")));
    }

    #[test]
    fn of_tests_and_features() {
        let with = unit("--crate-name a src/lib.rs --test --cfg feature=\"b\" --cfg c --cfg feature=\"d-e\"");
        assert!(with.is_test());
        assert_eq!(with.features(), BTreeSet::from(["b".to_owned(), "d-e".to_owned()]));
        assert!(unit("--crate-name a tests/a.rs --cfg test").is_test());
        assert!(!unit("--crate-name test src/lib.rs --cfg feature=\"test\" --check-cfg cfg(test)").is_test());
    }

    #[test]
    fn of_a_registry_and_of_no_crate() {
        let there =
            unit("--crate-name log /r/log-0.4/src/lib.rs --crate-type lib --emit=metadata --out-dir /t");
        assert_eq!(there.root(), Some("/r/log-0.4/src/lib.rs".into()));
        assert_eq!(there.dependencies_file(), None);
        assert_eq!(
            there.mirrored(Path::new("/m/r/log-0.4/src/lib.rs"), Path::new("/m")).len(),
            there.arguments.len() + 2
        );
        assert_eq!(unit("-vV").root(), None);
        assert_eq!(unit("- --crate-name ___ --print=cfg").root(), None);
    }
}
