//! Sync functions of every shape, all of which run. Valid in every edition.
#![deny(warnings, missing_docs, unused_qualifications, unused_results, trivial_casts, unreachable_pub)]
#![deny(single_use_lifetimes, unused_extern_crates, missing_debug_implementations, let_underscore_drop)]
#![allow(unstable_name_collisions)]

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

fn plain() { println!("plain {}", line!()); }

fn empty() {}
fn tight(){}

fn brace_below(a: u8) -> u8
where
    u8: Copy,
{ // a comment behind the brace
    a + 1
}

fn inner_attributes() -> u8 {
    //! What it does.
    #![allow(unused_variables)]
    /// Of the first statement.
    fn nested_first() -> u8 { 7 }
    let unused = 1;
    nested_first()
}

fn only_inner_attribute() {
    #![allow(dead_code)]
}

fn items_first() -> u8 {
    use std::cmp::max;
    const A: u8 = 3;
    macro_rules! twice { ($e:expr) => { $e + $e } }
    twice!(max(A, 1))
}

fn early(stop: bool) -> Result<u8, std::num::ParseIntError> {
    if stop {
        return Ok(1);
    }
    let n: u8 = "x".parse()?;
    Ok(n)
}

fn labels() -> u32 {
    let mut n = 0;
    'outer: loop {
        while n < 10 {
            n += 1;
            if n == 7 { break 'outer; }
        }
    }
    n
}

fn r#match(r#if: u8) -> u8 { r#if }

fn größe() -> &'static str { "ß" }

struct Noisy(&'static str);
impl Drop for Noisy {
    fn drop(&mut self) { println!("drop {}", self.0); }
}

fn drops(_a: Noisy, _: Noisy, (_b, _c): (Noisy, Noisy)) {
    let _local = Noisy("local");
}

struct Shape<T>([T; 2]);

impl<T: Copy + std::ops::Add<Output = T>> Shape<T> {
    fn by_ref(&self) -> &[T] { &self.0 }
    fn by_mut<'a>(&'a mut self, with: T) -> &'a mut T {
        self.0[0] = self.0[0] + with;
        &mut self.0[0]
    }
    fn by_value(mut self, with: T) -> T { self.0[0] = with; self.0[0] }
    fn boxed(self: Box<Self>) -> usize { 2 }
    fn rc(self: Rc<Self>) -> usize { 2 }
    fn pinned(self: Pin<&mut Self>) -> usize { 2 }
    fn none() -> usize { 2 }
    const fn in_const() -> usize { 2 }
}

trait Store {
    fn load(&self) -> u8;
    fn refresh(&self) -> u8 { self.load() }
    fn make() -> Self where Self: Sized;
}
impl Store for u8 {
    fn load(&self) -> u8 { *self }
    fn make() -> Self { 4 }
}
impl Store for &str {
    fn load(&self) -> u8 { self.len() as u8 }
    fn make() -> Self { "four" }
}

fn impl_trait<'a>(n: &'a u8) -> impl Iterator<Item = u8> + 'a { (0..*n).map(move |i| i + *n) }
fn dynamic(f: &mut dyn FnMut(u8) -> u8) -> Box<dyn Fn(u8) -> u8> { let n = f(1); Box::new(move |m| m + n) }

fn pattern((a, b): &(u8, String), [first, ..]: [u8; 3]) -> usize { *a as usize + b.len() + first as usize }

#[inline(always)]
fn inlined(a: u8) -> u8 { a }
#[inline] #[must_use] #[cfg_attr(all(), cold)]
fn attributed(a: u8) -> u8 { a }
/// Documented
/// over lines.
#[track_caller]
fn caller_line() -> u32 {std::panic::Location::caller().line() }
extern "C" fn called_from_c(a: i32) -> i32 { a + 1 }
unsafe fn not_safe(p: *const u8) -> u8 { p as usize as u8 }
pub(crate) fn diverges(n: u8) -> ! {
    panic!("on purpose {}", n)
}
fn recursive(n: u32) -> u32 { if n == 0 { 0 } else { 1 + recursive(n - 1) } }

mod inner {
    #![allow(unused_qualifications)]
    pub(crate) mod deep { pub(crate) fn free() -> u8 { super::up() } }
    fn up() -> u8 { 5 }
}

struct Shown;
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("shown") }
}

thread_local! { static CELL: Cell<u8> = { fn start() -> u8 { 9 } Cell::new(start()) } }
#[allow(non_upper_case_globals)] static table: [fn(u8) -> u8; 1] = [{ fn in_static(a: u8) -> u8 { a + 2 } in_static }];
const _: () = {
    impl Shown { fn in_anonymous_const(&self) -> u8 { 3 } }
};

fn closures() -> u8 {
    let add = |a: u8| { fn in_closure(a: u8) -> u8 { a + 1 } in_closure(a) };
    add(1)
}

fn shadows() -> u8 {
    #[allow(non_camel_case_types, dead_code)] struct u32;
    #[allow(dead_code)] mod core {}
    let guard = 1; let method = 2; let function = 3; let site = 4;
    guard + method + function + site
}

macro_rules! make { ($name:ident) => { fn $name() -> u8 { 1 } } }
make!(made);
macro_rules! pass { ($($t:tt)*) => { $($t)* } }
pass! { fn passed() -> u8 { 2 } }

fn main() {
    plain(); empty(); tight(); only_inner_attribute();
    println!("{} {} {} {}", brace_below(1), inner_attributes(), items_first(), labels());
    println!("{:?} {:?}", early(true), early(false));
    println!("{} {} {} {}", r#match(3), größe(), inlined(1), attributed(2));
    drops(Noisy("a"), Noisy("_"), (Noisy("b"), Noisy("c")));
    let shape = || Shape([1_u8, 2]);
    println!("{:?} {} {}", shape().by_ref(), shape().by_mut(4), shape().by_value(4));
    println!("{} {}", Box::new(shape()).boxed(), Rc::new(shape()).rc());
    println!("{} {} {}", Pin::new(&mut shape()).pinned(), Shape::<u8>::none(), Shape::<u8>::in_const());
    println!("{} {} {} {}", 3_u8.refresh(), "abc".refresh(), u8::make(), <&str as Store>::make());
    println!("{:?} {}", impl_trait(&2).collect::<Vec<_>>(), dynamic(&mut |a| a)(1));
    println!("{} {}", pattern(&(1, "b".to_string()), [1, 2, 3]), recursive(9));
    println!("{} {} {}", caller_line(), called_from_c(1), unsafe { not_safe(5 as *const u8) });
    println!("{} {} {}", inner::deep::free(), Shown, Shown.in_anonymous_const());
    println!("{} {} {} {}", CELL.with(|c| c.get()), table[0](1), closures(), shadows());
    println!("{} {}", made(), passed());
    std::panic::set_hook(Box::new(|info| println!("{}", info)));
    println!("{}", std::panic::catch_unwind(|| diverges(1)).is_err());
    println!("{}", std::panic::catch_unwind(|| { let a = [0]; let i = recursive(3); a[i as usize] }).is_err());
}
