//! What requests are called: their method and route. Each name is a site that lives for ever, so there may only be so
//! many, and a request's own path is never one: it holds whatever a client puts there.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::{LazyLock, PoisonError, RwLock};

use ::http::Method;

use crate::site::Site;
use crate::thread;

/// Requests that no route matched.
const UNMATCHED: &str = "[unmatched]";
/// Requests of routes for whose names there was no room.
const OTHER: &str = "[other]";
/// Bytes that a route may have.
const LONGEST: usize = 512;

/// Every method that is told from others; the last stands for the rest, of which clients can make up any number.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "[method]"];

/// A method and a route, and their site.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) site: Site,
    pub(super) method: &'static str,
    pub(super) route: &'static str,
}

impl Name {
    /// True when a request with this method and route has this name and no other.
    pub(super) fn is_of(&self, method: &Method, route: Option<&str>) -> bool {
        route.unwrap_or(UNMATCHED) == self.route && method.as_str() == self.method
    }
}

/// By route, then by method.
#[derive(Default)]
struct Names {
    by_route: HashMap<&'static str, [Option<&'static Name>; METHODS.len()]>,
    /// Those whose routes are the service's own.
    len: usize,
}

static NAMES: LazyLock<RwLock<Names>> = LazyLock::new(RwLock::default);

/// The name for a method and a route; a new one only while there are fewer than `most`. `place` is where the layer
/// was made.
pub(super) fn find(
    method: &Method,
    route: Option<&str>,
    most: usize,
    place: &'static Location<'static>,
) -> Option<&'static Name> {
    let method = method_number(method);
    let route = match route {
        Some(route) if route.len() > LONGEST => OTHER,
        Some(route) => route,
        None => UNMATCHED,
    };
    let known = NAMES.read().unwrap_or_else(PoisonError::into_inner).get(method, route);
    if known.is_some() {
        return known;
    }
    let _inside = thread::Inside::enter()?;
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    Some(names.find_or_add(method, route, most, place))
}

fn method_number(method: &Method) -> usize {
    let known = &METHODS[..METHODS.len() - 1];
    known.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

impl Names {
    fn get(&self, method: usize, route: &str) -> Option<&'static Name> {
        self.by_route.get(route)?[method]
    }

    fn find_or_add(
        &mut self,
        method: usize,
        route: &str,
        most: usize,
        place: &'static Location<'static>,
    ) -> &'static Name {
        // Another thread may have come first.
        if let Some(known) = self.get(method, route) {
            return known;
        }
        let is_ours = route == UNMATCHED || route == OTHER;
        if !is_ours {
            if self.len >= most {
                return self.find_or_add(method, OTHER, most, place);
            }
            self.len += 1;
        }
        let text: &'static str = Box::leak(format!("{} {route}", METHODS[method]).into_boxed_str());
        let (method_name, route) = text.split_at(METHODS[method].len());
        let route = &route[1..];
        let site = Site::new(text, place.file(), place.line(), true);
        let name: &'static Name = Box::leak(Box::new(Name { site, method: method_name, route }));
        self.by_route.entry(route).or_default()[method] = Some(name);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_the_same_again() {
        let place = Location::caller();
        let mut names = Names::default();
        let mut name = |method, route: &str| {
            let found = names.find_or_add(method, route, 2, place);
            (std::ptr::from_ref(found), found.method, found.route)
        };
        let first = name(0, "/a");
        assert_eq!((first.1, first.2), ("GET", "/a"));
        assert_eq!(name(0, "/a"), first);
        assert_ne!(name(2, "/a"), first);
        assert_eq!(name(0, "/b").2, OTHER);
        assert_eq!(name(0, "/c"), name(0, "/b"));
        assert_eq!(name(2, "/a").2, "/a");
        assert_eq!(name(0, UNMATCHED).2, UNMATCHED);
        assert_eq!(name(0, "").2, OTHER);
    }

    #[test]
    fn methods_that_clients_make_up_are_one() {
        let made_up = |text: &str| method_number(&Method::from_bytes(text.as_bytes()).unwrap());
        assert_eq!(made_up("PATCH"), 5);
        assert_eq!(METHODS[made_up("BREW")], "[method]");
        assert_eq!(made_up("BREW"), made_up("get"));
    }
}
