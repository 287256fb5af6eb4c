//! What the service does for each request.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use profile_cost::{Context, profile_cost};
use std::collections::HashMap;

use crate::dictionary::Dictionary;
use crate::pages::PageCache;
use crate::textproto;

/// What all handlers share.
#[derive(Debug)]
pub struct Shop {
    pages: PageCache,
    dictionary: OnceLock<Dictionary>,
    access_log: PathBuf,
}

impl Shop {
    /// A shop that has served nobody yet.
    pub fn new(access_log: PathBuf) -> Self {
        Self { pages: PageCache::default(), dictionary: OnceLock::new(), access_log }
    }
}

/// The routes.
pub fn router(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/products/{id}", get(product))
        .route("/search", get(search))
        .route("/orders", post(order))
        .route("/visits", get(visits))
        .with_state(shop)
}

/// `/products/7?session=..`: a page.
#[profile_cost]
async fn product(
    State(shop): State<Arc<Shop>>,
    axum::extract::Path(id): axum::extract::Path<u64>,
    uri: Uri,
) -> String {
    let page = shop.pages.page(&uri.to_string(), id);
    format!("{}<p>from {} cents</p>\n", page.html, page.lowest_cents())
}

/// `/search?q=jing`: characters by pinyin. The dictionary is made when somebody searches first, and kept.
#[profile_cost]
async fn search(State(shop): State<Arc<Shop>>, Query(query): Query<HashMap<String, String>>) -> String {
    let dictionary = shop.dictionary.get_or_init(Dictionary::load);
    let found = dictionary.find(query.get("q").map_or("", String::as_str));
    format!("{} found: {}\n", found.len(), found.iter().collect::<String>())
}

/// `POST /orders`: an order in protobuf text format; answers with its sum.
#[profile_cost]
async fn order(body: String) -> Result<String, Failure> {
    let order = textproto::parse(&body)?;
    let mut cents = 0;
    for item in order.messages("item") {
        item.texts("name").next().context("an item without a name")?;
        cents += item.number("cents")? * item.number("count")?;
    }
    Ok(format!("{cents}\n"))
}

/// `/visits`: how many there were.
#[profile_cost]
async fn visits(State(shop): State<Arc<Shop>>) -> Result<String, Failure> {
    let context = Context::current();
    let work = move || context.run(|| read_whole(&shop.access_log));
    let text = tokio::task::spawn_blocking(work).await.context("the task failed")??;
    Ok(format!("{}\n", text.lines().count()))
}

/// A whole file in a string that grows as it is read: copied again and again, and gone when the request is.
#[profile_cost]
fn read_whole(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(text),
            read => text.push_str(std::str::from_utf8(&chunk[..read])?),
        }
    }
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
        (StatusCode::BAD_REQUEST, format!("{:#}\n", self.0)).into_response()
    }
}
