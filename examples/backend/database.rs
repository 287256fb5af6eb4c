//! The shop's SQLite database. SQLite blocks, so that every call runs on tokio's blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use profile_cost::{Context, profile_cost};
use rusqlite::{Connection, OptionalExtension, params};

use crate::catalogue::Catalogue;

/// A pool of connections to one file.
#[derive(Clone, Debug)]
pub struct Database {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

#[profile_cost]
impl Database {
    /// Makes the file and fills it from the catalogue.
    pub async fn create(path: &Path, catalogue: &Catalogue) -> Result<Self> {
        let database = Self { path: path.to_owned(), idle: Arc::default() };
        let rows: Vec<(i64, i64)> = catalogue.products.iter().map(|p| (p.id, p.cents)).collect();
        database.call(move |connection| fill(connection, &rows)).await?;
        Ok(database)
    }

    /// Units in stock; `None` for an unknown product.
    pub async fn stock(&self, product: i64) -> Result<Option<i64>> {
        self.call(move |connection| {
            profile_cost::scope!("sql: select stock");
            let mut select = connection.prepare_cached("SELECT stock FROM products WHERE id = ?1")?;
            select.query_row([product], |row| row.get(0)).optional()
        })
        .await
    }

    /// The product's price in cents.
    pub async fn price(&self, product: i64) -> Result<i64> {
        self.call(move |connection| {
            profile_cost::scope!("sql: select price");
            let mut select = connection.prepare_cached("SELECT cents FROM products WHERE id = ?1")?;
            select.query_row([product], |row| row.get(0))
        })
        .await
    }

    /// Writes an order and takes it from the stock; the order's number.
    pub async fn insert_order(&self, product: i64, cents: i64) -> Result<i64> {
        self.call(move |connection| {
            profile_cost::scope!("sql: insert order");
            let write = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            write.execute("INSERT INTO orders (product, cents) VALUES (?1, ?2)", params![product, cents])?;
            write.execute("UPDATE products SET stock = stock - 1 WHERE id = ?1", [product])?;
            let number = write.last_insert_rowid();
            write.commit()?;
            Ok(number)
        })
        .await
    }

    /// Notes something for the auditors.
    pub async fn insert_audit(&self, text: String) -> Result<()> {
        self.call(move |connection| {
            profile_cost::scope!("sql: insert audit");
            connection.execute("INSERT INTO audit (text) VALUES (?1)", [text]).map(drop)
        })
        .await
    }

    /// Runs `job` on a blocking thread with a connection of the pool.
    #[profile_cost(skip)]
    async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.clone();
        // Another thread does the work: the context makes it a callee of the query that asked for it.
        let context = Context::current();
        let work = move || {
            context.run(|| {
                let mut connection = database.take()?;
                let result = job(&mut connection);
                database.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                result.context("the database refused")
            })
        };
        tokio::task::spawn_blocking(work).await?
    }

    #[profile_cost(skip)]
    fn take(&self) -> Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| connect(&self.path), Ok)
    }
}

#[profile_cost]
fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn fill(connection: &mut Connection, rows: &[(i64, i64)]) -> rusqlite::Result<()> {
    let write = connection.transaction()?;
    write.execute_batch(
        "CREATE TABLE products (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL, stock INTEGER NOT NULL);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, product INTEGER NOT NULL, cents INTEGER NOT NULL);
         CREATE TABLE audit (id INTEGER PRIMARY KEY, text TEXT NOT NULL);",
    )?;
    for (id, cents) in rows {
        write.execute("INSERT INTO products VALUES (?1, ?2, 1000)", params![id, cents])?;
    }
    write.commit()
}
