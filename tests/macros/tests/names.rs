//! What a function is called in a report, whole blocks, and what is left out of them.
// Braces in constants are there for the parser of items.
#![allow(clippy::pedantic, dead_code, unused_braces)]

use std::future::Future;

use profile_cost::{profile_cost, record};

trait Store {
    fn load(&self);
    #[profile_cost]
    fn refresh(&self) {
        self.load();
    }
}

struct Orders;
struct Users<T>(T);

#[profile_cost]
impl Store for Orders {
    fn load(&self) {}
}

impl<T> Store for Users<T> {
    #[profile_cost]
    fn load(&self) {}
}

#[profile_cost]
impl Orders {
    const LIMIT: [u8; { 1 + 1 }] = [1, 2];

    pub const fn in_const() -> u8 {
        1
    }

    fn load() {
        helper();
    }

    #[profile_cost(skip)]
    fn left_out(&self) {}

    #[profile_cost(name = "orders.pay")]
    pub(crate) fn pay(&self) {}

    /// With documentation.
    #[must_use]
    fn count(&self) -> usize {
        Self::LIMIT.len()
    }
}

#[profile_cost(skip)]
fn helper() {}

fn calls(f: impl FnOnce()) -> String {
    let _ = profile_cost::events();
    f();
    profile_cost::events().iter().filter_map(|e| e.strip_prefix("enter ")).collect::<Vec<_>>().join(", ")
}

#[test]
fn methods_carry_type_and_trait() {
    assert_eq!(calls(|| Store::load(&Orders)), "<Orders as Store>::load");
    assert_eq!(calls(Orders::load), "Orders::load");
    assert_eq!(calls(|| Users(1).load()), "<Users<_> as Store>::load");
    assert_eq!(calls(|| Users("").refresh()), "Store::refresh, <Users<_> as Store>::load");
    assert_eq!(calls(|| assert_eq!(Orders.count(), 2)), "Orders::count");
    assert_eq!(calls(|| Orders.pay()), "orders.pay");
}

#[test]
fn what_is_left_out() {
    assert_eq!(calls(|| Orders.left_out()), "");
    const ONE: u8 = Orders::in_const();
    assert_eq!(calls(|| assert_eq!(ONE + Orders::in_const(), 2)), "");
}

#[profile_cost]
mod whole {
    //! Its inner documentation stays first.
    #![allow(unused)]
    use std::fmt::{self, Debug};

    pub struct Matrix<T = u8, const N: usize = { 1 + 1 }> {
        pub cells: [T; N],
    }

    pub const SIZE: usize = { 2 };
    pub static NAMES: &[&str] = &["a"];
    type Alias<T = u8> = Vec<T>;

    macro_rules! local {
        () => {};
    }
    local! {}
    local!();

    enum Kind {
        A = 1,
    }

    unsafe extern "C" {
        safe fn abs(x: i32) -> i32;
    }

    impl Matrix<u8, { 1 + 1 }> {
        pub fn sum(&self) -> u8 {
            self.cells.iter().sum()
        }
        #[profile_cost(skip)]
        pub fn first(&self) -> u8 {
            self.cells[0]
        }
    }

    #[profile_cost(skip)]
    impl Matrix<u16, 1> {
        pub fn quiet(&self) {}
        #[profile_cost]
        pub fn loud(&self) {}
    }

    impl<T: Debug> Debug for Matrix<T, 1> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:?}", self.cells)
        }
    }

    pub trait Area {
        const UNIT: u8;
        fn area(&self) -> u8;
        fn twice(&self) -> u8 {
            2 * self.area()
        }
    }

    impl Area for Matrix {
        const UNIT: u8 = 1;
        fn area(&self) -> u8 {
            self.sum()
        }
    }

    pub mod deeper {
        pub unsafe fn raw() {}
        pub async fn later() {}
        #[profile_cost(report)]
        pub fn reported() {}
    }

    pub fn free() {}
}

#[test]
fn whole_modules() {
    use whole::Area;
    let matrix: whole::Matrix = whole::Matrix { cells: [1, 2] };
    let one = whole::Matrix { cells: [1_u16; 1] };
    assert_eq!(
        calls(|| assert_eq!(matrix.twice(), 6)),
        "Area::twice, <Matrix as Area>::area, Matrix<u8, { 1 + 1 }>::sum"
    );
    assert_eq!(calls(|| assert_eq!(matrix.first(), 1)), "");
    assert_eq!(calls(|| one.quiet()), "");
    assert_eq!(calls(|| one.loud()), "Matrix<u16, 1>::loud");
    assert_eq!(calls(|| drop(format!("{one:?}"))), "<Matrix<_, 1> as Debug>::fmt");
    assert_eq!(calls(whole::free), "free");
    // SAFETY: it does nothing.
    assert_eq!(calls(|| unsafe { whole::deeper::raw() }), "raw");
    assert!(record(whole::deeper::reported).starts_with("Report {"));
    let mut later = std::pin::pin!(whole::deeper::later());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(record(|| assert!(later.as_mut().poll(&mut context).is_ready())), "poll later, ready later");
}

#[allow(non_camel_case_types)]
struct timespec;

#[profile_cost]
impl timespec {
    fn now(&self) {}
}

mod away_from_its_type {
    #[super::profile_cost]
    impl super::Store for super::timespec {
        fn load(&self) {}
    }
    #[super::profile_cost]
    impl super::timespec {
        pub fn elsewhere() {}
        pub fn elsewhere_with_self(&self) {}
    }
}

#[test]
fn what_stands_away_from_its_type() {
    assert_eq!(calls(|| timespec.load()), "<timespec as Store>::load");
    assert_eq!(calls(timespec::elsewhere), "timespec::elsewhere");
    assert_eq!(calls(|| timespec.elsewhere_with_self()), "timespec::elsewhere_with_self");
}

#[test]
fn a_type_in_lower_case_is_told_by_its_self() {
    assert_eq!(calls(|| timespec.now()), "timespec::now");
}

struct Reported;

#[profile_cost(report_over = "1s", top = 3)]
impl Reported {
    fn as_the_block(&self) {}
    #[profile_cost(report)]
    fn as_itself(&self) {}
    #[profile_cost(name = "named")]
    fn as_the_block_too(&self) {}
}

#[profile_cost(report, crate = real)]
mod with_another_path {
    pub fn inherits() {}
    pub mod inside {
        #[profile_cost(name = "named")]
        pub fn inherits() {}
    }
    pub struct LeftOut;
    #[profile_cost(skip)]
    impl LeftOut {
        #[profile_cost]
        pub fn inherits() {}
    }
}

#[test]
fn options_of_a_block_hold_for_its_functions() {
    let over = "Report { over_ns: 1000000000, top: 3,";
    assert!(record(|| Reported.as_the_block()).starts_with(over));
    assert!(record(|| Reported.as_the_block_too()).starts_with(over));
    assert!(record(|| Reported.as_itself()).starts_with("Report { over_ns: 0, top: 20,"));
    // What goes to the real crate is not recorded.
    assert_eq!(record(with_another_path::inherits), "");
    assert_eq!(record(with_another_path::inside::inherits), "");
    assert_eq!(record(with_another_path::LeftOut::inherits), "");
}

macro_rules! two {
    ($($ty:ident)*) => {
        $(impl Store for Vec<$ty> {
            #[profile_cost]
            fn load(&self) {}
        })*
    };
}
two!(u8 Orders);

#[test]
fn methods_made_on_one_line_do_not_merge() {
    assert_eq!(calls(|| vec![1_u8].load()), "<Vec<u8> as Store>::load");
    assert_eq!(calls(|| vec![Orders].load()), "<Vec<Orders> as Store>::load");
}

#[profile_cost]
#[inline]
#[rustfmt::skip]
pub
fn far_down() -> u32 { line!() }

#[test]
fn the_line_is_that_of_the_name() {
    let _ = profile_cost::places();
    let line = far_down();
    assert_eq!(profile_cost::places(), [("far_down".to_owned(), file!(), line)]);
}
