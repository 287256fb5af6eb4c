//! Pages, rendered once and kept for whoever asks for the same again. Or so it was meant.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use profile_cost::profile_cost;

/// Offers that a page shows.
const SHOWN: usize = 20;

/// A page as it goes out, and the offers it was made from.
#[derive(Debug)]
pub struct Page {
    /// What the browser gets.
    pub html: String,
    offers: Vec<Offer>,
}

/// One offer on a page.
#[derive(Debug)]
struct Offer {
    shop: u64,
    cents: i64,
    stock: i64,
    days: u32,
    rating: f32,
}

#[profile_cost]
impl Page {
    /// Takes some work: not to be done for every request.
    fn render(product: u64) -> Self {
        let offers = offers_of(product);
        let mut html = format!("<h1>Product {product}</h1>\n<ol>\n");
        for offer in offers.iter().take(SHOWN) {
            let Offer { shop, cents, stock, days, rating } = offer;
            let _ =
                writeln!(html, "<li>shop {shop}: {cents} cents, {stock} left, {days} days, {rating:.1}</li>");
        }
        html.push_str("</ol>\n");
        Self { html, offers }
    }

    /// What it costs where it is cheapest.
    pub fn lowest_cents(&self) -> i64 {
        self.offers.iter().map(|offer| offer.cents).min().unwrap_or_default()
    }
}

fn offers_of(product: u64) -> Vec<Offer> {
    let offer = |shop: u64| Offer {
        shop,
        cents: (product * 37 + shop * 11) as i64 % 9_500 + 500,
        stock: (product + shop) as i64 % 40,
        days: shop as u32 % 9 + 1,
        rating: (shop % 50) as f32 / 10.0,
    };
    (0..200).map(offer).collect()
}

/// Rendered pages by their address.
#[derive(Debug, Default)]
pub struct PageCache {
    pages: Mutex<HashMap<String, Arc<Page>>>,
}

impl PageCache {
    /// The page at that address, rendered when it is asked for first.
    #[profile_cost]
    pub fn page(&self, address: &str, product: u64) -> Arc<Page> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = pages.get(address) {
            return page.clone();
        }
        let page = Arc::new(Page::render(product));
        // THE FAULT. The address has the visitor's session in it, so that no page is ever asked for again; and
        // nothing is ever taken out.
        pages.insert(address.to_owned(), page.clone());
        page
    }
}
