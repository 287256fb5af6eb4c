//! Which Rust type owns the blocks that a stack allocated: rules over names in debug information.

use super::frame::Source;

/// The type that owns the blocks: `Vec<app::Order>`, `HashMap<u64, String>`, `Arc<Config>`; `None` when it cannot be
/// told. `stack` holds the sources of each frame, innermost first; `align` and `size` (bytes) are those of the
/// blocks' layout.
pub(crate) fn classify(stack: &[&[Source]], align: u32, size: u64) -> Option<String> {
    let _ = (stack, align, size);
    None
}
