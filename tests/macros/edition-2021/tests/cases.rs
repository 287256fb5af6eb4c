//! The cases of the other package, in this edition.
#[path = "../../tests/asynchronous.rs"]
mod asynchronous;
#[path = "../../tests/frameworks.rs"]
mod frameworks;
#[path = "../../tests/functions.rs"]
mod functions;
#[path = "../../tests/names.rs"]
mod names;
