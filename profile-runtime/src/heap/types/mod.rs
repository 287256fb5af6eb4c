//! Which Rust type owns the blocks that a stack allocated: rules over the names and files in debug information.
//!
//! No annotation is needed: the frames of the standard library between an allocation and the code that asked for it
//! carry the type in their generic arguments. Where the rules are not sure they say nothing; a wrong type would send
//! its reader to the wrong place.

mod containers;
mod crates;
mod generics;
mod layout;
mod owner;
mod place;
mod search;
mod tables;

use super::frame::Source;
pub(super) use place::{Place, is_shim};
use search::{Found, Search, Step};

/// Said of bytes whose owner the compiler left no name of.
const BYTES: &str = "String or Vec<u8>";

/// The type that owns the blocks: `Vec<app::Order>`, `HashMap<u64, String>`, `Arc<Config>`; `None` when it cannot be
/// told.
///
/// `stack` holds the sources of each frame, innermost first; `align` and `size` (bytes) are those of the blocks'
/// layout. Names are short: paths of the standard library, allocators and hashers are left out, paths of everybody
/// else's types stay. Where the compiler merged several calls into one, all that is left may be that the block
/// holds bytes: `String or Vec<u8>`. A future or closure is called as the compiler does, `Box<app::fetch::{async_fn_env#0}>`. What is
/// no type, but owns blocks, is called by the path one knows it by: `tokio::task<..>`, `std::sync::mpsc<app::Order>`.
#[must_use]
pub fn classify(stack: &[&[Source]], align: u32, size: u64) -> Option<String> {
    let nameless = Source::default();
    let steps: Vec<Step<'_>> = stack
        .iter()
        .flat_map(|frame| {
            let named = frame.iter().enumerate();
            let steps = named.map(|(depth, source)| Step { source, is_new_frame: depth == 0 });
            // Foreign code, of which nothing is known.
            steps.chain(frame.is_empty().then_some(Step { source: &nameless, is_new_frame: true }))
        })
        .collect();
    match Search::default().follow(&steps[place::past_the_allocator(&steps)..]) {
        Found::Owner(owner) => layout::agrees(&owner, align, size).then(|| owner.to_string()),
        // Hardly anything else is aligned to 1.
        Found::Merged => (align == 1).then(|| BYTES.to_owned()),
        Found::Nothing => None,
    }
}

#[cfg(test)]
mod tests;
