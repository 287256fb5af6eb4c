//! Compiled with and without the attributes, both with the feature `enabled` off: the machine code must be
//! the same. `sh tests/feature-off/compare.sh` does it.
#![deny(warnings)]

#[cfg_attr(feature = "annotated", profile_cost::profile_cost)]
#[unsafe(no_mangle)]
#[inline(never)]
pub fn sum(values: &[u64]) -> u64 {
    values.iter().map(|v| v ^ 7).sum()
}

pub struct Orders(pub Vec<u64>);

#[cfg_attr(feature = "annotated", profile_cost::profile_cost(report))]
impl Orders {
    #[inline(never)]
    pub fn total(&self) -> u64 {
        sum(&self.0)
    }

    #[cfg_attr(feature = "annotated", profile_cost::profile_cost(skip))]
    #[inline(never)]
    pub fn left_out(&self) -> usize {
        self.0.len()
    }
}

#[cfg_attr(feature = "annotated", profile_cost::profile_cost(name = "load"))]
pub async fn load(orders: Orders) -> u64 {
    std::future::ready(()).await;
    orders.total()
}

#[inline(never)]
pub fn poll_load(orders: Orders) -> bool {
    let mut future = Box::pin(load(orders));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.as_mut().poll(&mut context).is_ready()
}
