//! A snapshot as a file of lines, and back.
