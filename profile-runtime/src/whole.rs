//! What `cargo profile-cost run` splices into a program's sources calls: these macros, and what of `private` they
//! name. Not public: may change in any release.
//!
//! Macros, so that lints of the program do not look at what they expand to, and so that the names in it meet none
//! of the program's. The line is that of the function's name, which the expansion cannot know: it stands at the
//! body's brace.

use std::future::Future;

use crate::future::{Instrumented, instrument};
use crate::site::Site;

/// First in the body of a function: the call ends with the body. `__enter!(method "load" 12);`
/// and, where the file is to be called otherwise than by the compiler, `__enter!(method "load" 12 "log-0.4/src/lib.rs");`
///
/// What the namer is called says whether the function says `self` or `Self`: see `label_name`.
#[doc(hidden)]
#[macro_export]
macro_rules! __enter {
    ($namer:ident $name:literal $line:literal) => {
        $crate::__enter!($namer $name $line ($crate::private::file!()));
    };
    ($namer:ident $name:literal $line:literal $file:tt) => {
        // PERF: entered where it stays; see `Guard::enter`. The one or the other as the program's crate is compiled.
        #[cfg(debug_assertions)]
        let mut __profile_cost_guard = $crate::private::OutlinedGuard::new();
        #[cfg(not(debug_assertions))]
        let mut __profile_cost_guard = $crate::private::Guard::new();
        {
            static SITE: $crate::private::Site =
                $crate::private::Site::new($name, $file, $line, false);
            fn $namer() {}
            #[cfg(debug_assertions)]
            $crate::private::OutlinedGuard::enter(&mut __profile_cost_guard, &SITE, $namer);
            #[cfg(not(debug_assertions))]
            $crate::private::Guard::enter(&mut __profile_cost_guard, &SITE, $namer);
        }
    };
}

/// The first argument of [`instrument_at`]: `__site!(method "load" 12)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __site {
    ($namer:ident $name:literal $line:literal) => {
        $crate::__site!($namer $name $line ($crate::private::file!()))
    };
    ($namer:ident $name:literal $line:literal $file:tt) => {{
        static SITE: $crate::private::Site =
            $crate::private::Site::new($name, $file, $line, false);
        fn $namer() {}
        (&SITE, $namer)
    }};
}

/// First in an async block that was the body of an `async fn`: tells the compiler what `return` and `?` return
/// before it reads the body.
#[doc(hidden)]
#[macro_export]
macro_rules! __returns {
    ($($output:tt)*) => {
        if false {
            return $crate::private::returns::<$($output)*>();
        }
    };
}

/// Makes every poll of `future` a segment of a call.
///
/// PERF: a function, and no macro around the future: the body's tokens are then read once.
#[inline(always)]
pub fn instrument_at<N: Fn(), F: Future>((site, namer): (&'static Site, N), future: F) -> Instrumented<F> {
    instrument(site, namer, future)
}
