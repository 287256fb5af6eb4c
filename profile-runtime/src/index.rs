//! Which item of a growing list has a key, in 5 to 9 bytes an item: open addressing over positions. The keys stay
//! where they are, in the items.

/// PERF: a `BTreeMap` takes 28 bytes an item.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// 0 is free, else a position plus 1.
    slots: Vec<u32>,
}

impl Index {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// The position with that key, if it was added; `is` tells whether a position has it.
    pub(crate) fn find(&self, key: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash(key) & mask;
        loop {
            let position = (self.slots[slot] as usize).checked_sub(1)?;
            if is(position) {
                return Some(position);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Adds the next position: the items up to there have the keys that `key_of` tells.
    pub(crate) fn add(&mut self, position: usize, key_of: impl Fn(usize) -> u64) {
        if (position + 1) * 8 > self.slots.len() * 7 {
            self.slots = vec![0; (self.slots.len() * 2).max(16)];
            (0..position).for_each(|earlier| self.enter(key_of(earlier), earlier));
        }
        self.enter(key_of(position), position);
    }

    fn enter(&mut self, key: u64, position: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = position as u32 + 1;
    }
}

fn hash(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let keys: Vec<u64> = (0..1_000).map(|n: u64| (n * n) << (n % 40)).collect();
        let mut index = Index::new();
        for (position, &key) in keys.iter().enumerate() {
            assert_eq!(
                index.find(key, |p| keys[p] == key && p < position),
                keys[..position].iter().position(|&k| k == key)
            );
            index.add(position, |p| keys[p]);
        }
        for &key in &keys {
            assert_eq!(index.find(key, |p| keys[p] == key).map(|p| keys[p]), Some(key));
        }
        assert_eq!(index.find(3, |p| keys[p] == 3), None);
        assert!(index.slots.len() <= 2_048, "{}", index.slots.len());
    }
}
