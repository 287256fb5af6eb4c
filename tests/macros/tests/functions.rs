//! Sync functions of every shape: each is entered and left once, and does what it did before.
#![allow(clippy::pedantic)]
// The shapes stand here because they are odd.
#![allow(clippy::needless_arbitrary_self_type, clippy::multiple_bound_locations, clippy::needless_lifetimes)]
#![allow(clippy::boxed_local, clippy::toplevel_ref_arg)]

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use profile_cost::{note, profile_cost, record};

#[profile_cost]
fn plain() {
    note("body");
}

#[test]
fn the_body_runs_inside() {
    assert_eq!(record(plain), "enter plain, body, leave plain");
}

#[profile_cost]
fn early(stop: bool) -> Result<u8, std::num::ParseIntError> {
    if stop {
        return Ok(1);
    }
    let n: u8 = "x".parse()?;
    Ok(n)
}

#[test]
fn return_and_question_mark() {
    assert_eq!(record(|| early(true).unwrap()), "enter early, leave early");
    assert_eq!(record(|| early(false).unwrap_err()), "enter early, leave early");
}

struct Noisy(&'static str);
impl Drop for Noisy {
    fn drop(&mut self) {
        note(self.0);
    }
}

#[profile_cost]
fn drops(_a: Noisy, _: Noisy, (_b, _c): (Noisy, Noisy)) {
    let _local = Noisy("local");
}

#[test]
fn locals_drop_inside_and_arguments_as_without() {
    let args = || drops(Noisy("a"), Noisy("_"), (Noisy("b"), Noisy("c")));
    assert_eq!(record(args), "enter drops, local, leave drops, c, b, _, a");
}

#[profile_cost]
fn panics() {
    panic!("on purpose");
}

#[test]
fn unwinding_leaves() {
    assert_eq!(record(|| std::panic::catch_unwind(panics).is_err()), "enter panics, leave panics");
}

struct Shape<T, const N: usize>([T; N]);

impl<T: Copy + std::ops::Add<Output = T>, const N: usize> Shape<T, N> {
    #[profile_cost]
    fn by_ref(&self) -> &[T] {
        &self.0
    }
    #[profile_cost]
    fn by_mut<'a>(&'a mut self, with: T) -> &'a mut T {
        self.0[0] = self.0[0] + with;
        &mut self.0[0]
    }
    #[profile_cost]
    fn by_value(mut self, with: T) -> T {
        self.0[0] = with;
        self.0[0]
    }
    #[profile_cost]
    fn boxed(self: Box<Self>) -> usize {
        N
    }
    #[profile_cost]
    fn rc(self: Rc<Self>) -> usize {
        N
    }
    #[profile_cost]
    fn arc_ref(self: &Arc<Self>) -> usize {
        N
    }
    #[profile_cost]
    fn pinned(self: Pin<&mut Self>) -> usize {
        N
    }
    #[profile_cost]
    fn typed(self: &Self) -> usize {
        N
    }
    #[profile_cost]
    fn none() -> usize {
        N
    }
}

#[test]
fn every_receiver() {
    let shape = || Shape([1_u8, 2]);
    let all = record(|| {
        assert_eq!(shape().by_ref(), [1, 2]);
        assert_eq!(*shape().by_mut(4), 5);
        assert_eq!(shape().by_value(4), 4);
        assert_eq!(Box::new(shape()).boxed(), 2);
        assert_eq!(Rc::new(shape()).rc(), 2);
        assert_eq!(Arc::new(shape()).arc_ref(), 2);
        assert_eq!(Pin::new(&mut shape()).pinned(), 2);
        assert_eq!(shape().typed(), 2);
        assert_eq!(Shape::<u8, 3>::none(), 3);
    });
    let names = ["by_ref", "by_mut", "by_value", "boxed", "rc", "arc_ref", "pinned", "typed", "none"];
    let want: Vec<_> =
        names.iter().map(|n| format!("enter Shape<_, N>::{n}, leave Shape<_, N>::{n}")).collect();
    assert_eq!(all, want.join(", "));
}

#[profile_cost]
fn impl_in(items: impl IntoIterator<Item = u8>, f: impl Fn(u8) -> u8) -> impl Iterator<Item = u8> {
    items.into_iter().map(f).collect::<Vec<_>>().into_iter()
}

#[profile_cost]
fn elided<'a>(text: &'a str, _other: &str) -> impl Iterator<Item = char> + use<'a> {
    text.chars()
}

#[profile_cost]
fn generic<'a, T: ?Sized, const N: usize>(value: &'a T) -> (&'a T, usize)
where
    T: ToString,
{
    (value, N)
}

#[profile_cost]
fn patterns((a, b): (u8, u8), [c, ..]: [u8; 3], mut d: u8, Noisy(name): &Noisy, ref e: u8, _: ()) -> u8 {
    d += u8::from(!name.is_empty());
    a + b + c + d + *e
}

#[test]
fn arguments_and_results() {
    assert_eq!(impl_in([1, 2], |x| x + 1).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(elided("ab", "").count(), 2);
    assert_eq!(generic::<str, 4>("x"), ("x", 4));
    assert_eq!(patterns((1, 2), [3, 0, 0], 4, &Noisy("n"), 5, ()), 16);
}

#[profile_cost]
unsafe fn not_safe(p: *const u8) -> u8 {
    unsafe { *p }
}

#[profile_cost]
extern "C" fn foreign(x: i32) -> i32 {
    x + 1
}

#[profile_cost]
#[track_caller]
fn caller() -> u32 {
    std::panic::Location::caller().line()
}

#[profile_cost]
fn never() -> ! {
    std::panic::panic_any(7_u8)
}

#[profile_cost]
fn attributes_and_docs() -> u8 {
    #![allow(clippy::needless_return)]
    //! Inner documentation.
    use std::cmp::max;
    const TWO: u8 = 2;
    return max(1, TWO);
}

#[test]
fn qualifiers() {
    // SAFETY: a valid pointer.
    assert_eq!(unsafe { not_safe(&3) }, 3);
    let pointer: extern "C" fn(i32) -> i32 = foreign;
    assert_eq!(pointer(1), 2);
    assert_eq!(caller(), line!());
    assert_eq!(std::panic::catch_unwind(|| never()).unwrap_err().downcast_ref(), Some(&7_u8));
    assert_eq!(attributes_and_docs(), 2);
}

#[profile_cost]
fn outer() {
    #[profile_cost]
    fn inner() {}
    inner();
    let method = || inner();
    method();
}

#[test]
fn nested() {
    let want = "enter outer, enter inner, leave inner, enter inner, leave inner, leave outer";
    assert_eq!(record(outer), want);
}

macro_rules! make {
    ($(#[$meta:meta])* $vis:vis $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $value:expr) => {
        #[profile_cost]
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) -> $ret {
            $value
        }
    };
    (block $name:ident $body:block) => {
        #[profile_cost]
        pub(crate) fn $name() $body
    };
    (item $item:item) => {
        #[profile_cost]
        $item
    };
    (named $text:literal $name:ident) => {
        #[profile_cost(name = $text)]
        fn $name() {}
    };
    (pattern $pattern:pat, $ty:ty, $value:expr) => {
        #[profile_cost]
        fn from_pattern($pattern: $ty) -> u8 {
            $value
        }
    };
}

make!(#[inline] pub(crate) from_macro(a: &'static str, b: Vec<u8>) -> usize = a.len() + b.len());
make!(private(a: u8) -> u8 = a * 2 + 1);
make!(block from_block { note("block") });
make!(item pub fn from_item() -> u8 { 3 });
make!(named "given" with_name);
make!(pattern(_, _), (u8, u8), 7);

#[test]
fn functions_of_macro_rules() {
    assert_eq!(from_macro("ab", vec![1]), 3);
    assert_eq!(private(2), 5);
    assert_eq!(record(from_block), "enter from_block, block, leave from_block");
    assert_eq!(record(from_item), "enter from_item, leave from_item");
    assert_eq!(record(with_name), "enter given, leave given");
    assert_eq!(from_pattern((1, 2)), 7);
}

#[profile_cost]
#[test]
fn attribute_above_test() {}

#[test]
#[profile_cost]
fn attribute_below_test() {}

#[profile_cost(report)]
fn reported() {}

#[profile_cost(report_over = "1.5ms", top = 7, sort = "tot", log_target = "mine", name = "other")]
fn reported_over() {}

#[test]
fn report_options() {
    let report = |ns, top, sort, target| {
        format!("Report {{ over_ns: {ns}, top: {top}, sort: {sort:?}, log_target: {target:?} }}")
    };
    let all = report(0, 20, "cumulative", "profile_cost");
    assert_eq!(record(reported), format!("{all}, enter reported, leave reported"));
    let over = report(1_500_000, 7, "tottime", "mine");
    assert_eq!(record(reported_over), format!("{over}, enter other, leave other"));
}

#[profile_cost(crate = real)]
fn with_another_path() {}

#[profile_cost(skip)]
fn skipped() {}

#[test]
fn skip_and_path() {
    assert_eq!(record(with_another_path), "");
    assert_eq!(record(skipped), "");
}

/// Methods that a program gives to everything there is, also to what the attribute makes.
mod methods_of_everything {
    use super::*;

    trait Everything: Sized {
        fn enter<A, B>(self, _: A, _: B) {
            note("theirs");
        }
    }
    impl<T> Everything for T {}

    #[profile_cost]
    pub fn measured() {
        1.enter(2, 3);
    }

    #[profile_cost(report)]
    pub fn reported() {}

    #[profile_cost]
    pub async fn later(_: u8) {}

    #[profile_cost]
    pub fn boxed() -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async {})
    }
}

#[test]
fn methods_of_everything_are_not_called() {
    use futures_util::FutureExt;
    use methods_of_everything::{boxed, later, measured, reported};
    assert_eq!(record(measured), "enter measured, theirs, leave measured");
    assert!(record(reported).ends_with(", enter reported, leave reported"));
    assert_eq!(record(|| later(1).now_or_never()), "poll later, ready later");
    assert_eq!(record(|| boxed().now_or_never()), "poll boxed, ready boxed");
}
