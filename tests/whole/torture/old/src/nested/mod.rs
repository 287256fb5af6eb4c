pub mod deeper;
