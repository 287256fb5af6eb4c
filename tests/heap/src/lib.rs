//! What the tests here hold the tracking allocator against: a naive ledger of all blocks of the process.

pub mod block;
pub mod judged;
pub mod ledger;
pub mod random;

pub use block::Block;
pub use judged::{Judged, set_mode};
pub use random::Random;
