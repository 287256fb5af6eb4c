//! A table in order of insertion, as Python's dict: what decides the order of equal rows.

use std::collections::HashMap;

use super::labels::LabelId;

/// Values by label, in the order in which the labels first came.
#[derive(Clone, Debug)]
pub(super) struct Ordered<V> {
    entries: Vec<(LabelId, V)>,
    index: HashMap<LabelId, usize>,
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: HashMap::new() }
    }
}

impl<V> Ordered<V> {
    #[cfg(feature = "read")]
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), index: HashMap::with_capacity(capacity) }
    }

    /// Sets a value; a label that is there already keeps its place.
    pub(super) fn set(&mut self, key: LabelId, value: V) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => {
                self.index.insert(key, self.entries.len());
                self.entries.push((key, value));
            }
        }
    }

    pub(super) fn get(&self, key: LabelId) -> Option<&V> {
        self.index.get(&key).map(|&i| &self.entries[i].1)
    }

    pub(super) fn get_mut(&mut self, key: LabelId) -> Option<&mut V> {
        self.index.get(&key).map(|&i| &mut self.entries[i].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LabelId, &V)> {
        self.entries.iter().map(|(key, value)| (*key, value))
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = (LabelId, V)> {
        self.entries.into_iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = LabelId> {
        self.entries.iter().map(|(key, _)| *key)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
