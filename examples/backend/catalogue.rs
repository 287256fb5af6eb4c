//! The shop's catalogue: a textproto file, searched by the pinyin of its Chinese names.

use std::path::Path;

use anyhow::{Context, Result};
use pinyin::ToPinyin;
use profile_cost::profile_cost;

use crate::textproto::{self, Message};

/// One thing to buy.
#[derive(Debug)]
pub struct Product {
    /// Its number.
    pub id: i64,
    /// Its name, in Chinese.
    pub name: String,
    /// Its name as one types it: `beijingkaoya`.
    pub pinyin: String,
    /// Price in cents.
    pub cents: i64,
}

/// All products.
#[derive(Debug)]
pub struct Catalogue {
    /// In the order of the file.
    pub products: Vec<Product>,
}

#[profile_cost]
impl Catalogue {
    /// Reads and parses the file. Takes milliseconds: do it once.
    pub fn open(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let file = textproto::parse(&text)?;
        let products = file.messages("product").map(Self::product).collect::<Result<_>>()?;
        Ok(Self { products })
    }

    /// Products whose pinyin has that beginning.
    pub fn find(&self, prefix: &str) -> Vec<&Product> {
        self.products.iter().filter(|p| p.pinyin.starts_with(prefix)).take(20).collect()
    }

    #[profile_cost(skip)] // a microsecond each, thousands a call
    fn product(message: &Message) -> Result<Product> {
        let name = message.texts("name").next().context("a product without a name")?;
        Ok(Product {
            id: message.number("id")?,
            name: name.to_owned(),
            pinyin: to_pinyin(name),
            cents: message.number("price_cents")?,
        })
    }
}

/// `北京` to `beijing`; what is not Chinese stays.
#[profile_cost]
pub fn to_pinyin(name: &str) -> String {
    let mut text = String::with_capacity(name.len() * 2);
    for (character, pinyin) in name.chars().zip(name.to_pinyin()) {
        match pinyin {
            Some(pinyin) => text.push_str(pinyin.plain()),
            None => text.extend(character.to_lowercase()),
        }
    }
    text
}
