//! From text to stems: `The Rabbits were running` is `rabbit`, `run`.

use profile_cost::profile_cost;
use rust_stemmers::{Algorithm, Stemmer};

/// Words that are in every text and say nothing of it. Sorted.
const STOP: [&str; 28] = [
    "a", "and", "as", "at", "but", "by", "for", "had", "her", "i", "in", "is", "it", "of", "on", "or", "out",
    "she", "so", "that", "the", "this", "to", "was", "were", "which", "with", "you",
];

/// Splits and stems English text.
pub struct Words {
    stemmer: Stemmer,
}

#[profile_cost]
impl Words {
    /// With English rules.
    pub fn new() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::English) }
    }

    /// The stems of a text, stop words left out.
    pub fn stems(&self, text: &str) -> Vec<String> {
        let words = Self::split(text);
        self.stem(&words)
    }

    fn split(text: &str) -> Vec<String> {
        text.split(|c: char| !c.is_alphabetic() && c != '\'')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .filter(|word| STOP.binary_search(&word.as_str()).is_err())
            .collect()
    }

    // A list at a time: a call for each word would cost more to count than to run.
    fn stem(&self, words: &[String]) -> Vec<String> {
        words.iter().map(|word| self.stemmer.stem(word).into_owned()).collect()
    }
}
