//! What the service does for each request.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use profile_cost::{Context, profile_cost};
use serde::Serialize;

use crate::catalogue::{Catalogue, Product};
use crate::database::Database;
use crate::sales_log;
use crate::sample::Files;

/// What all handlers share.
#[derive(Debug)]
pub struct Shop {
    catalogue_path: PathBuf,
    sales_path: PathBuf,
    catalogue: Arc<Catalogue>,
    database: Database,
    fixed: bool,
}

impl Shop {
    /// Opens the catalogue and makes the database.
    pub async fn open(files: &Files, fixed: bool) -> anyhow::Result<Self> {
        let catalogue = Arc::new(Catalogue::open(&files.catalogue)?);
        let database = Database::create(&files.database, &catalogue).await?;
        let (catalogue_path, sales_path) = (files.catalogue.clone(), files.sales.clone());
        Ok(Self { catalogue_path, sales_path, catalogue, database, fixed })
    }
}

/// The routes.
pub fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/search", get(search))
        .route("/products/{id}", get(product))
        .route("/orders/{product}", post(order))
        .route("/sales", get(sales))
        .with_state(shop)
}

#[derive(Debug, Serialize)]
struct ProductView {
    id: i64,
    name: String,
    pinyin: String,
    stock: Option<i64>,
}

impl ProductView {
    fn new(product: &Product, stock: Option<i64>) -> Self {
        Self { id: product.id, name: product.name.clone(), pinyin: product.pinyin.clone(), stock }
    }
}

/// `/search?q=beijing`: products by the pinyin of their names.
#[profile_cost]
async fn search(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Vec<ProductView>>, Failure> {
    let prefix = query.get("q").map_or("", String::as_str);
    let catalogue = current_catalogue(&shop).await?;
    Ok(Json(catalogue.find(prefix).into_iter().map(|product| ProductView::new(product, None)).collect()))
}

/// The catalogue as it is now.
#[profile_cost]
async fn current_catalogue(shop: &Shop) -> anyhow::Result<Arc<Catalogue>> {
    if shop.fixed {
        return Ok(shop.catalogue.clone());
    }
    // THE FAULT. "It could have changed, and it is only one small file": reads it, parses it and converts
    // every name to pinyin, for each search.
    let path = shop.catalogue_path.clone();
    let context = Context::current();
    let work = move || context.run(|| Catalogue::open(&path).map(Arc::new));
    tokio::task::spawn_blocking(work).await?
}

/// `/products/7`: one product and its stock.
#[profile_cost]
async fn product(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Result<Json<ProductView>, Failure> {
    let found = shop.catalogue.products.iter().find(|product| product.id == id).context("no such product")?;
    let stock = shop.database.stock(id).await?;
    Ok(Json(ProductView::new(found, stock)))
}

/// `POST /orders/7`: asks for price and stock side by side, writes the order, and leaves the audit to a task.
#[profile_cost]
async fn order(State(shop): State<Arc<Shop>>, Path(id): Path<i64>) -> Result<String, Failure> {
    let (price, stock) = tokio::try_join!(shop.database.price(id), shop.database.stock(id))?;
    if stock.unwrap_or(0) <= 0 {
        return Ok("sold out".to_owned());
    }
    let number = shop.database.insert_order(id, price).await?;
    // Without a context the task would be a root of its own; with it, it is a callee of this order.
    tokio::spawn(Context::current().attach(audit(shop, number)));
    Ok(number.to_string())
}

#[profile_cost]
async fn audit(shop: Arc<Shop>, order: i64) {
    if let Err(error) = shop.database.insert_audit(format!("order {order}")).await {
        log::warn!("order {order} is not in the audit: {error:#}");
    }
}

/// `/sales`: a large file summed up. A suspect: when a call takes long, its own callers report is logged.
#[profile_cost(report_over = "50ms", top = 8)]
async fn sales(State(shop): State<Arc<Shop>>) -> Result<Json<BTreeMap<u32, u64>>, Failure> {
    let context = Context::current();
    let work = move || context.run(|| sales_log::sum_by_day(&shop.sales_path));
    let days = tokio::task::spawn_blocking(work).await.context("the task failed")??;
    Ok(Json(days))
}

/// An error as a response.
#[derive(Debug)]
struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        log::warn!("{:#}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong; the log says what").into_response()
    }
}
