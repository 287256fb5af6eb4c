//! placeholder until the macros branch lands
pub(crate) fn shorten(_type_name: &str, fn_name: &str) -> String { fn_name.to_owned() }
