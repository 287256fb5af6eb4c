//! Under the attributes of frameworks, above them and below them.
#![allow(clippy::pedantic)]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use actix_web::web;
use axum::extract::{Path, Query};
use profile_cost::{profile_cost, record};

#[profile_cost]
#[tokio::test]
async fn above_tokio_test() {
    tokio::task::yield_now().await;
}

#[tokio::test(flavor = "multi_thread")]
#[profile_cost]
async fn below_tokio_test() -> Result<(), std::io::Error> {
    tokio::spawn(spawned(1)).await?;
    Ok(())
}

#[profile_cost]
async fn spawned(n: u8) -> u8 {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    n
}

#[profile_cost]
#[tokio::main(flavor = "current_thread")]
async fn above_tokio_main() -> u8 {
    spawned(1).await
}

#[tokio::main(flavor = "current_thread")]
#[profile_cost]
async fn below_tokio_main() -> u8 {
    spawned(2).await
}

#[test]
fn tokio_main() {
    assert!(record(|| assert_eq!(above_tokio_main(), 1)).contains("ready above_tokio_main"));
    assert!(record(|| assert_eq!(below_tokio_main(), 2)).ends_with("leave below_tokio_main"));
}

#[profile_cost]
#[axum::debug_handler]
async fn axum_above(
    Path(id): Path<u32>,
    Query(_q): Query<Vec<(String, String)>>,
    body: String,
) -> Result<String, String> {
    Ok(format!("{id}{body}"))
}

#[axum::debug_handler]
#[profile_cost]
async fn axum_below(axum::Json(n): axum::Json<u32>) -> axum::Json<u32> {
    axum::Json(n)
}

#[test]
fn axum_handlers() {
    let _: axum::Router = axum::Router::new()
        .route("/{id}", axum::routing::post(axum_above))
        .route("/", axum::routing::post(axum_below));
    let mut context = Context::from_waker(Waker::noop());
    let mut call = pin!(axum_below(axum::Json(1)));
    assert_eq!(record(|| call.as_mut().poll(&mut context).is_ready()), "poll axum_below, ready axum_below");
}

#[profile_cost]
#[actix_web::get("/above/{id}")]
async fn actix_above(id: web::Path<u32>) -> impl actix_web::Responder {
    format!("{id}")
}

#[actix_web::post("/below")]
#[profile_cost]
async fn actix_below(text: String, _: web::Query<Vec<(String, String)>>) -> impl actix_web::Responder {
    text
}

#[actix_web::test]
async fn actix_handlers() {
    use actix_web::test;
    let app = test::init_service(actix_web::App::new().service(actix_above).service(actix_below)).await;
    let _ = profile_cost::events();
    let answer = test::call_and_read_body(&app, test::TestRequest::get().uri("/above/7").to_request()).await;
    assert_eq!(answer, "7");
    assert_eq!(profile_cost::events(), ["poll actix_above", "ready actix_above"]);
    let request = test::TestRequest::post().uri("/below").set_payload("text");
    assert_eq!(test::call_and_read_body(&app, request.to_request()).await, "text");
    assert_eq!(profile_cost::events(), ["poll actix_below", "ready actix_below"]);
}
