//! Names by their pinyin: large, but made once and kept for good. A suspect, and innocent.

use std::collections::HashMap;

use pinyin::ToPinyin;
use profile_cost::profile_cost;

/// Chinese characters by how they are typed: `jing` to 京, 经, 精 and many more.
#[derive(Debug)]
pub struct Dictionary {
    characters: HashMap<String, Vec<char>>,
}

#[profile_cost]
impl Dictionary {
    /// All characters in common use.
    pub fn load() -> Self {
        let mut characters: HashMap<String, Vec<char>> = HashMap::new();
        for character in '\u{4e00}'..='\u{9fff}' {
            if let Some(pinyin) = character.to_pinyin() {
                characters.entry(pinyin.plain().to_owned()).or_default().push(character);
            }
        }
        Self { characters }
    }

    /// The characters with that pinyin.
    pub fn find(&self, pinyin: &str) -> &[char] {
        self.characters.get(pinyin).map_or(&[], Vec::as_slice)
    }
}
