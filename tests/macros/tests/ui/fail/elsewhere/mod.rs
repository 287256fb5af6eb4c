//! The text of `mod elsewhere;`.
