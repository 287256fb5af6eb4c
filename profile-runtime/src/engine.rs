//! Everything that is recorded: the path tree and the blocks of all threads. One for the process; tests
//! make their own.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::block::Block;
use crate::paths::{Limits, PathTree};

/// See the module.
pub(crate) struct Engine {
    pub(crate) paths: PathTree,
    blocks: Mutex<Blocks>,
}

#[derive(Default)]
struct Blocks {
    /// All blocks ever made: as many as there were threads at one time. Never freed.
    all: Vec<&'static Block>,
    /// Those whose thread has ended.
    free: Vec<&'static Block>,
    /// Threads that ever recorded.
    threads: u32,
}

static PROCESS: OnceLock<&'static Engine> = OnceLock::new();

/// The engine of the process.
pub(crate) fn process() -> &'static Engine {
    PROCESS.get_or_init(|| Engine::leak(crate::control::limits()))
}

impl Engine {
    /// An engine that lives for ever: its counters are pointed to from everywhere.
    pub(crate) fn leak(limits: Limits) -> &'static Self {
        Box::leak(Box::new(Self { paths: PathTree::new(limits), blocks: Mutex::default() }))
    }

    /// A block for the calling thread: one that an ended thread left, or a new one.
    pub(crate) fn adopt(&'static self, now: u64, thread: Option<String>) -> &'static Block {
        let block = {
            let mut blocks = self.lock();
            blocks.threads += 1;
            match blocks.free.pop() {
                Some(block) => block,
                None => {
                    let id = blocks.all.len() as u32 + 1;
                    let block: &'static Block = Box::leak(Box::new(Block::new(Some(self), id)));
                    blocks.all.push(block);
                    block
                }
            }
        };
        block.begin(now, thread);
        block
    }

    /// Takes back the block of a thread that ends. The caller must not touch it again.
    pub(crate) fn hand_back(&self, block: &'static Block) {
        block.end();
        self.lock().free.push(block);
    }

    pub(crate) fn blocks(&self) -> Vec<&'static Block> {
        self.lock().all.clone()
    }

    pub(crate) fn threads(&self) -> u32 {
        self.lock().threads
    }

    fn lock(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
