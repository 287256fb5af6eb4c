//! An inverted index: in which paragraphs each stem stands, and how often each pair of stems.

use std::collections::{BTreeSet, HashMap};

use profile_cost::profile_cost;

use crate::words::Words;

/// What is known of a text.
#[derive(Debug, Default)]
pub struct Index {
    /// Paragraph numbers, in no order.
    postings: HashMap<String, Vec<u32>>,
    pairs: HashMap<[String; 2], u64>,
}

#[profile_cost]
impl Index {
    /// Adds a paragraph.
    pub fn add(&mut self, paragraph: u32, stems: &[String]) {
        self.add_postings(paragraph, stems);
        self.count_pairs(stems);
    }

    fn add_postings(&mut self, paragraph: u32, stems: &[String]) {
        for stem in stems.iter().collect::<BTreeSet<_>>() {
            self.postings.entry(stem.clone()).or_default().push(paragraph);
        }
    }

    fn count_pairs(&mut self, stems: &[String]) {
        for pair in stems.windows(2) {
            *self.pairs.entry([pair[0].clone(), pair[1].clone()]).or_default() += 1;
        }
    }

    /// Both indexes in one. Moves the smaller into the larger.
    pub fn merge(self, other: Self) -> Self {
        let (mut all, more) = if self.len() < other.len() { (other, self) } else { (self, other) };
        for (stem, paragraphs) in more.postings {
            all.postings.entry(stem).or_default().extend(paragraphs);
        }
        for (pair, count) in more.pairs {
            *all.pairs.entry(pair).or_default() += count;
        }
        all
    }

    #[profile_cost(skip)]
    fn len(&self) -> usize {
        self.postings.values().map(Vec::len).sum()
    }

    /// In how many paragraphs all the words stand, in whatever form.
    pub fn find(&self, words: &[&str]) -> usize {
        let mut found: Option<BTreeSet<u32>> = None;
        for stem in Words::new().stems(&words.join(" ")) {
            let here: BTreeSet<u32> = self.postings.get(&stem).into_iter().flatten().copied().collect();
            found = Some(found.map_or_else(|| here.clone(), |found| &found & &here));
        }
        found.map_or(0, |found| found.len())
    }

    /// The commonest pairs of stems, with their counts.
    pub fn commonest_pairs(&self, limit: usize) -> Vec<String> {
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        pairs.into_iter().take(limit).map(|([a, b], count)| format!("{a} {b} ({count})")).collect()
    }
}
