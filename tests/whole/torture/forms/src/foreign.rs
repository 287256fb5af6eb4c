use std::os::raw::c_int;

unsafe extern "C" {
    fn qsort(
        base: *mut u64,
        count: usize,
        size: usize,
        compare: unsafe extern "C" fn(*const u64, *const u64) -> c_int,
    );
    // With a variable number of arguments.
    #[allow(dead_code)]
    fn printf(format: *const std::os::raw::c_char, ...) -> c_int;
}

#[unsafe(no_mangle)]
pub extern "C" fn forms_exported(n: u64) -> u64 {
    tally::count!("forms_exported");
    n + 1
}

mod again {
    unsafe extern "C" {
        pub safe fn forms_exported(n: u64) -> u64;
    }
}

unsafe extern "C" fn compare(a: *const u64, b: *const u64) -> c_int {
    tally::count!("compare");
    unsafe { (*a).cmp(&*b) as c_int }
}

/// # Safety
/// None is needed.
unsafe fn first(numbers: &[u64]) -> u64 {
    tally::count!("first");
    unsafe { *numbers.as_ptr() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn featured(n: u64) -> u64 {
    tally::count!("featured");
    n
}

pub fn all(n: u64) -> u64 {
    tally::count!("all");
    let mut numbers = [n + 1, n];
    unsafe { qsort(numbers.as_mut_ptr(), 2, 8, compare) };
    #[cfg(target_arch = "x86_64")]
    let n = unsafe { featured(n) };
    again::forms_exported(n) + unsafe { first(&numbers) }
}
