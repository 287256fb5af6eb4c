//! A service with a database, a cache and sessions, and its clients, in one process.
//@ axum = "0.8"
//@ tokio = { version = "1", features = ["full"] }
//@ rusqlite = { version = "0.37", features = ["bundled"] }
//@ serde = { version = "1", features = ["derive"] }
//@ serde_json = "1"
//@ moka = { version = "0.12", features = ["future"] }
//@ dashmap = "6"
//@ tower-http = { version = "0.6", features = ["trace", "compression-gzip"] }
//@ tracing-subscriber = { version = "0.3", features = ["env-filter", "json"] }
//@ reqwest = { version = "0.12", default-features = false, features = ["json"] }
//@ tokio-stream = "0.1"
//@ uuid = { version = "1", features = ["v4", "serde"] }
//@ chrono = { version = "0.4", features = ["serde"] }
//@ parking_lot = "0.12"
//@ async-trait = "0.1"
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use dashmap::DashMap;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Product {
    id: i64,
    name: String,
    price: f64,
    tags: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    id: uuid::Uuid,
    at: chrono::DateTime<chrono::Utc>,
    products: Vec<i64>,
    note: Option<String>,
}

#[async_trait::async_trait]
trait Store: Send + Sync {
    async fn product(&self, id: i64) -> Option<Product>;
}

struct Sqlite {
    asked: mpsc::Sender<(i64, oneshot::Sender<Option<Product>>)>,
}

#[async_trait::async_trait]
impl Store for Sqlite {
    async fn product(&self, id: i64) -> Option<Product> {
        let (answer, answered) = oneshot::channel();
        self.asked.send((id, answer)).await.ok()?;
        answered.await.ok()?
    }
}

#[derive(Clone)]
struct App {
    store: Arc<dyn Store>,
    cache: moka::future::Cache<i64, Arc<Product>>,
    sessions: Arc<DashMap<String, Session>>,
    orders: Arc<RwLock<HashMap<uuid::Uuid, Order>>>,
    events: broadcast::Sender<Event>,
    audit: mpsc::UnboundedSender<String>,
}

#[derive(Clone, Debug)]
struct Session {
    user: String,
    seen: Vec<i64>,
}

#[derive(Clone, Debug)]
enum Event {
    Ordered(Arc<Order>),
    Viewed(String),
}

async fn product(State(app): State<App>, Path((user, id)): Path<(String, i64)>) -> Json<Product> {
    let store = app.store.clone();
    let product = app.cache.get_with(id, async move { Arc::new(store.product(id).await.unwrap()) }).await;
    app.sessions.entry(user.clone()).or_insert_with(|| Session { user: user.clone(), seen: Vec::new() }).seen.push(id);
    let _ = app.events.send(Event::Viewed(format!("{user} looked at {}", product.name)));
    Json((*product).clone())
}

async fn order(State(app): State<App>, Json(products): Json<Vec<i64>>) -> Json<Order> {
    let order = Order { id: uuid::Uuid::new_v4(), at: chrono::Utc::now(), products, note: Some("as soon as you can".to_owned()) };
    app.orders.write().insert(order.id, order.clone());
    app.audit.send(format!("ordered {}", order.id)).unwrap();
    let _ = app.events.send(Event::Ordered(Arc::new(order.clone())));
    Json(order)
}

async fn search(State(app): State<App>, Path(word): Path<String>) -> Json<serde_json::Value> {
    let found: Vec<_> = app.cache.iter().filter(|(_, it)| it.name.contains(&word)).take(20).map(|(_, it)| it).collect();
    Json(serde_json::json!({ "found": found.iter().map(|it| &**it).collect::<Vec<_>>(), "sessions": app.sessions.len() }))
}

fn database(mut asked: mpsc::Receiver<(i64, oneshot::Sender<Option<Product>>)>) {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch("create table product (id integer primary key, name text, price real, tags text)").unwrap();
    for id in 0..3000 {
        db.execute("insert into product values (?, ?, ?, ?)", (id, format!("product number {id}"), 1.5, "new,green,large"))
            .unwrap();
    }
    while let Some((id, answer)) = asked.blocking_recv() {
        let mut query = db.prepare_cached("select id, name, price, tags from product where id = ?").unwrap();
        let found = query.query_row([id], |row| {
            let tags: String = row.get(3)?;
            Ok(Product { id: row.get(0)?, name: row.get(1)?, price: row.get(2)?, tags: tags.split(',').map(str::to_owned).collect() })
        });
        let _ = answer.send(found.ok());
    }
}

async fn client(number: i64, address: std::net::SocketAddr) -> usize {
    let http = reqwest::Client::new();
    let mut bytes = 0;
    for round in 0..150 {
        let id = (number * 97 + round * 13) % 3000;
        let product: Product =
            http.get(format!("http://{address}/product/user{}/{id}", number * 20 + round % 20)).send().await.unwrap().json().await.unwrap();
        bytes += product.name.len();
        if round % 3 == 0 {
            let order: Order = http.post(format!("http://{address}/order")).json(&vec![id, id + 1]).send().await.unwrap().json().await.unwrap();
            bytes += order.products.len();
        }
        if round % 10 == 0 {
            bytes += http.get(format!("http://{address}/search/9")).send().await.unwrap().text().await.unwrap().len();
        }
    }
    bytes
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_env_filter("warn").json().with_writer(std::io::stderr).init();
    let (asked, receiver) = mpsc::channel(64);
    std::thread::spawn(|| database(receiver));
    let (events, _) = broadcast::channel(1024);
    let (audit, mut audited) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let app = App {
        store: Arc::new(Sqlite { asked }),
        cache: moka::future::Cache::new(10_000),
        sessions: Arc::default(),
        orders: Arc::default(),
        events: events.clone(),
        audit,
    };
    let routes = Router::new()
        .route("/product/{user}/{id}", get(product))
        .route("/order", post(order))
        .route("/search/{word}", get(search))
        .layer(tower_http::trace::TraceLayer::new_for_http())
        .with_state(app.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let listeners: Vec<_> = (0..50)
        .map(|_| {
            let (mut heard, mut stopped) = (events.subscribe(), stopped.clone());
            tokio::spawn(async move {
                let mut kept = Vec::new();
                loop {
                    tokio::select! {
                        event = heard.recv() => match event {
                            Ok(Event::Viewed(text)) if kept.len() < 100 => kept.push(text),
                            Ok(Event::Ordered(order)) if order.note.is_none() => kept.push(String::new()),
                            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                            Err(_) => break,
                        },
                        _ = stopped.changed() => break,
                    }
                }
                kept.len()
            })
        })
        .collect();
    let writer = tokio::spawn(async move {
        let mut lines = Vec::new();
        while let Some(line) = audited.recv().await {
            lines.push(line);
        }
        lines
    });
    let timers: Vec<_> = (0..1000).map(|it| tokio::spawn(async move { tokio::time::sleep(std::time::Duration::from_secs(60 + it)).await; it })).collect();
    let clients: Vec<_> = (0..40).map(|it| tokio::spawn(client(it, address))).collect();
    let mut bytes = 0;
    for client in clients {
        bytes += client.await.unwrap();
    }
    // In the middle of the work, as the README says.
    if let Ok(file) = std::env::var("SERVICE_SNAPSHOT") {
        let mut now = profile_cost::heap::take_snapshot();
        now.name().unwrap();
        now.save(&file).unwrap();
    }
    assert!(bytes > 0);
    let users = app.sessions.iter().filter(|it| !it.user.is_empty() && !it.seen.is_empty()).count();
    println!("{users} users, {} orders", app.orders.read().len());
    stop.send(true).unwrap();
    drop((server, listeners, writer, timers));
}
