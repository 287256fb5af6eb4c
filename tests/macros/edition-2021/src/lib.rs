//! Only the tests folder holds anything.
