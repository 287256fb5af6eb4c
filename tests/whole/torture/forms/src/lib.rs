//! Every form of a function.

pub mod calls;
pub mod diverging;
pub mod foreign;
pub mod generic;
pub mod in_macros;

/// The sum of what all forms give.
///
/// ```
/// assert_eq!(forms::all(2), 196);
/// ```
///
/// ```no_run
/// forms::diverging::stops();
/// ```
pub fn all(n: u64) -> u64 {
    tally::count!("all");
    calls::all(n) + foreign::all(n) + generic::all(n) + in_macros::all(n)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_same_as_ever() {
        tally::count!("the_same_as_ever");
        assert_eq!(super::all(2), 196);
    }

    #[test]
    fn deep() {
        tally::count!("deep");
        assert_eq!(super::calls::deep(2_000), 2_000);
    }

    #[test]
    #[ignore = "not now"]
    fn ignored() {
        tally::count!("ignored");
        unreachable!();
    }

    #[test]
    fn panics_name_the_callers_line() {
        tally::count!("panics_name_the_callers_line");
        let line = std::sync::Arc::new(std::sync::Mutex::new(0));
        let seen = line.clone();
        std::panic::set_hook(Box::new(move |info| {
            *seen.lock().unwrap() = info.location().map_or(0, |location| location.line());
        }));
        let caught = std::panic::catch_unwind(|| super::diverging::tracked(None)); let here = line!();
        let _ = std::panic::take_hook();
        assert!(caught.is_err());
        assert_eq!(*line.lock().unwrap(), here);
    }

    #[test]
    fn results() -> Result<(), std::num::ParseIntError> {
        tally::count!("results");
        "1".parse::<u8>()?;
        Ok(())
    }
}
