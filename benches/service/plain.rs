//! The service without profile-cost: the attribute nowhere, no layer, the system's allocator.

macro_rules! annotated {
    ($($item:item)*) => { $($item)* };
}

#[allow(missing_docs, reason = "a program")]
mod shop;

fn main() {
    shop::serve(shop::router());
}
