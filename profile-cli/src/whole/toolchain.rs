//! The cargo and rustc that a workspace is built with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;

/// They are run where the tool is: a `rust-toolchain.toml` and `.cargo/config.toml` above it decide.
#[derive(Debug)]
pub(crate) struct Toolchain {
    cargo: OsString,
    rustc: OsString,
    /// `rustc -vV`.
    pub(crate) version: String,
    /// The triple of this machine.
    pub(crate) host: String,
}

impl Toolchain {
    pub(crate) fn find() -> Result<Self, Failure> {
        // NOTE: cargo sets both for its subcommands; CARGO is then the very one that was called.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(&rustc).arg("-vV").output().map_err(|error| {
            let rustc = PathBuf::from(&rustc);
            Failure::new(format!(
                "{} cannot be run: {error}; install Rust, or set RUSTC to the compiler",
                rustc.display()
            ))
        })?;
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
        let host = host.ok_or_else(|| Failure::new("rustc -vV does not say what it compiles for"))?;
        Ok(Self { cargo, rustc, version, host })
    }

    pub(crate) fn cargo(&self) -> Command {
        Command::new(&self.cargo)
    }

    pub(crate) fn rustc(&self) -> Command {
        Command::new(&self.rustc)
    }
}
