// Whoever says these by their short names gets these.
#[allow(unused_macros)]
macro_rules! file { () => { compile_error!("not mine") }; }
#[allow(unused_macros)]
macro_rules! line { () => { compile_error!("not mine") }; }
#[allow(unused_macros)]
macro_rules! concat { ($($t:tt)*) => { compile_error!("not mine") }; }
#[allow(unused_macros)]
macro_rules! module_path { () => { compile_error!("not mine") }; }

mod core {}
mod std {}
#[allow(dead_code)]
mod private {
    pub struct Site;
}
#[allow(dead_code)]
pub struct Box;
#[allow(dead_code)]
pub struct Option;
#[allow(non_camel_case_types, dead_code)]
pub struct u32;
#[allow(non_camel_case_types, dead_code)]
pub struct bool;
#[allow(non_camel_case_types, dead_code)]
pub struct str;
#[allow(non_upper_case_globals, dead_code)]
pub const SITE: &'static [u8] = b"mine";
pub trait Drop {
    fn drop(&self) {
        ::tally::count!("drop");
    }
}
pub trait Fn {}

impl Drop for u64 {}

pub fn outer(n: u64) -> u64 {
    ::tally::count!("outer");
    // Inside and outside of the same name.
    fn function() -> u64 {
        ::tally::count!("function");
        const SITE: u64 = 10;
        SITE
    }
    Drop::drop(&n);
    n + function()
}
