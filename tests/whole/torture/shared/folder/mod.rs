pub mod first;
