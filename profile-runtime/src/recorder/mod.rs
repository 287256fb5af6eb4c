//! The flight recorder: what was counted, in a file that outlives the process, however that ends.
//!
//! With `PROFILE_COST_RECORD=DIR` in the environment, or [`start`] first thing in `main`, the threads' counters live in a mapped
//! file, where the kernel keeps them whatever becomes of the process: killed for its memory, aborted, gone without a
//! word. `cargo profile-cost postmortem DIR` tells what such a file says; so does [`read`].
//!
//! ```no_run
//! use profile_cost_runtime::recorder;
//!
//! if let Err(error) = recorder::start("/var/lib/shop/flights", &recorder::Options::default()) {
//!     eprintln!("no flight recorder: {error}");
//! }
//! ```
//!
//! `layout` is the file's format. `journal` writes it, into pages that `arena` maps, of a file that `folder` makes; `watch`
//! is the thread that looks at the clock, `last_words` what it writes of the heap, `ending` what is noted at the end, as
//! `options` say. `parts` reads it, `assemble` makes a [`Profile`]
//! of that, `text` shows it.
//!
//! [`Profile`]: crate::Profile

#[cfg(unix)]
mod arena;
mod assemble;
#[cfg(unix)]
mod ending;
#[cfg(unix)]
mod folder;
mod heap_parts;
#[cfg(unix)]
mod journal;
mod json;
#[cfg(unix)]
mod last_words;
mod layout;
mod options;
mod parts;
mod post_mortem;
#[cfg(unix)]
mod start;
mod text;
#[cfg(unix)]
mod watch;

#[cfg(unix)]
pub(crate) use ending::note_signal;
#[cfg(unix)]
pub(crate) use journal::{HeapFigures, Journal};
pub use layout::MAGIC;
pub use options::Options;
pub use parts::ReadError;
pub use post_mortem::{
    Ending, Message, Moment, PostMortem, RunningThread, SuspendedPath, is_recording, newest, read, read_bytes,
};
#[cfg(unix)]
pub use start::{StartError, path, start};
#[cfg(unix)]
pub(crate) use start::{before_main, begin};

/// The functions that are shown of the process before.
#[cfg(unix)]
const PREVIOUS_TOP: usize = 20;

/// A line about the recorder itself: to the log where a logger takes it, to stderr otherwise.
#[cfg(unix)]
fn say(message: &str) {
    if log::log_enabled!(target: "profile_cost", log::Level::Warn) {
        log::warn!(target: "profile_cost", "{message}");
    } else {
        crate::stderr::say(message);
    }
}

/// What became of the process before, unless it exited by itself.
#[cfg(unix)]
fn report_previous(file: &std::fs::File) {
    let Ok(previous) = post_mortem::read_file(file) else { return };
    let mut text = Vec::new();
    if previous.ending == Ending::Exited || previous.write_text(&mut text, PREVIOUS_TOP).is_err() {
        return;
    }
    if log::log_enabled!(target: "profile_cost", log::Level::Warn) {
        log::warn!(target: "profile_cost", "{}", String::from_utf8_lossy(&text));
    } else {
        let _ = crate::stderr::write(&text, std::time::Duration::from_secs(1));
    }
}
