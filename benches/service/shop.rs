//! The service: a shop's, with JSON in and out. `annotated!` stands around its functions: `plain` makes it nothing.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize)]
struct Product {
    id: u64,
    name: String,
    description: String,
    cents: u64,
    tags: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Offer {
    product: Product,
    cents: u64,
    delivery: String,
    similar: Vec<Product>,
}

#[derive(Debug, Deserialize)]
struct Line {
    product: u64,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Receipt {
    lines: Vec<String>,
    cents: u64,
    tax: u64,
}

pub struct Shop {
    products: HashMap<u64, Product>,
    by_name: Vec<(String, u64)>,
}

impl Shop {
    fn new() -> Self {
        let product = |id: u64| Product {
            id,
            name: format!("{} no. {id}", ["tea", "tofu", "noodles", "sauce", "dates"][(id % 5) as usize]),
            description: "From the mountains, packed by hand, kept cool and dry. "
                .repeat(1 + (id % 4) as usize),
            cents: 500 + id * 37 % 9500,
            tags: (0..id % 6).map(|tag| format!("tag-{tag}")).collect(),
        };
        let products: HashMap<u64, Product> = (0..1000).map(|id| (id, product(id))).collect();
        let mut by_name: Vec<_> =
            products.values().map(|product| (product.name.clone(), product.id)).collect();
        by_name.sort();
        Self { products, by_name }
    }
}

pub fn router() -> Router {
    Router::new()
        .route("/products/{id}", get(product))
        .route("/search", get(search))
        .route("/orders", post(order))
        .with_state(Arc::new(Shop::new()))
}

annotated! {
    async fn product(State(shop): State<Arc<Shop>>, Path(id): Path<u64>) -> Result<Json<Offer>, StatusCode> {
        offer(&shop, id).map(Json).ok_or(StatusCode::NOT_FOUND)
    }

    fn offer(shop: &Shop, id: u64) -> Option<Offer> {
        let product = shop.products.get(&id)?.clone();
        let cents = price(&product, 1);
        let delivery = delivery(&product);
        let similar = similar(shop, &product);
        Some(Offer { product, cents, delivery, similar })
    }

    fn price(product: &Product, count: u64) -> u64 {
        let discount = if count > 10 { 5 } else { product.tags.len() as u64 };
        product.cents * count * (100 - discount) / 100
    }

    fn delivery(product: &Product) -> String {
        format!("within {} days, {} g", 1 + product.id % 5, product.description.len() * 10)
    }

    fn similar(shop: &Shop, product: &Product) -> Vec<Product> {
        (1..13).filter_map(|step| shop.products.get(&((product.id + step * 5) % 1000)).cloned()).collect()
    }

    async fn search(State(shop): State<Arc<Shop>>, Query(query): Query<HashMap<String, String>>) -> Json<Vec<Offer>> {
        let found = find(&shop, query.get("q").map_or("", String::as_str));
        Json(found.into_iter().filter_map(|id| offer(&shop, id)).collect())
    }

    fn find(shop: &Shop, prefix: &str) -> Vec<u64> {
        let from = shop.by_name.partition_point(|(name, _)| name.as_str() < prefix);
        let fits = shop.by_name[from..].iter().take_while(|(name, _)| name.starts_with(prefix));
        fits.take(8).map(|(_, id)| *id).collect()
    }

    async fn order(State(shop): State<Arc<Shop>>, body: String) -> Result<Json<Receipt>, StatusCode> {
        let lines = parse(&body).ok_or(StatusCode::BAD_REQUEST)?;
        Ok(Json(receipt(&shop, &lines)))
    }

    fn parse(body: &str) -> Option<Vec<Line>> {
        serde_json::from_str(body).ok()
    }

    fn receipt(shop: &Shop, lines: &[Line]) -> Receipt {
        let mut receipt = Receipt { lines: Vec::new(), cents: 0, tax: 0 };
        for line in lines {
            let Some(product) = shop.products.get(&line.product) else { continue };
            let cents = price(product, line.count);
            receipt.cents += cents;
            receipt.lines.push(format!("{:4} {:20} {:9}", line.count, product.name, cents));
        }
        receipt.tax = receipt.cents * 19 / 119;
        receipt
    }
}

/// Serves on one thread, says where on stdout, and ends with stdin.
#[allow(clippy::print_stdout, reason = "the bench reads it")]
pub fn serve(router: Router) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = tokio::net::TcpListener::bind(at).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        axum::serve(listener, router).await.expect("to serve");
    });
}
