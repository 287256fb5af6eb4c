//! What stdout is: a terminal of so many columns, with colours or without.

use std::env;
use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use profile_cost_runtime::Look;

/// When there is colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What is asked of the screen.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Screen {
    /// When to use colours; CARGO_TERM_COLOR and NO_COLOR are heeded.
    #[arg(long, global = true, value_name = "WHEN", display_order = 900)]
    color: Option<Color>,
    /// Columns that lines may take [default: those of the terminal; any number in files and pipes].
    #[arg(long, global = true, value_name = "COLUMNS", display_order = 901)]
    width: Option<usize>,
}

impl Screen {
    /// How reports to stdout look.
    pub(crate) fn look(&self) -> Look {
        Look::new(self.width(), self.color())
    }

    /// How reports to a file look: as asked for and not otherwise.
    pub(crate) fn look_of_file(&self) -> Look {
        Look::new(self.width, self.color == Some(Color::Always))
    }

    /// How reports to stderr look.
    pub(crate) fn look_of_stderr(&self) -> Look {
        let is_terminal = std::io::stderr().is_terminal();
        Look::new(self.width_of(is_terminal), self.color_of(is_terminal))
    }

    fn width(&self) -> Option<usize> {
        self.width_of(std::io::stdout().is_terminal())
    }

    fn width_of(&self, is_terminal: bool) -> Option<usize> {
        if self.width.is_some() {
            return self.width;
        }
        if !is_terminal {
            return None;
        }
        let named = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        named.or_else(seen).filter(|&columns| columns > 0)
    }

    fn color(&self) -> bool {
        self.color_of(std::io::stdout().is_terminal())
    }

    fn color_of(&self, is_terminal: bool) -> bool {
        let by_cargo = || match env::var("CARGO_TERM_COLOR").ok().as_deref() {
            Some("always") => Some(Color::Always),
            Some("never") => Some(Color::Never),
            _ => None,
        };
        let refused =
            || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()).then_some(Color::Never);
        match self.color.or_else(refused).or_else(by_cargo).unwrap_or(Color::Auto) {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}
