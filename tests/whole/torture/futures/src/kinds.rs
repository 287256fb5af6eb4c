//! All the ways to write one.

use std::future::Future;
use std::pin::Pin;

use crate::executor::yields;

pub trait Store {
    async fn get(&self, key: u64) -> Option<u64>;

    async fn get_or(&self, key: u64, other: u64) -> u64 {
        tally::count!("get_or");
        match self.get(key).await {
            Some(value) => value,
            None => other,
        }
    }

    fn boxed<'a>(&'a self, key: &'a u64) -> Pin<Box<dyn Future<Output = u64> + 'a>>;

    fn opaque(&self) -> impl Future<Output = u64>;
}

pub struct Even;

impl Store for Even {
    async fn get(&self, key: u64) -> Option<u64> {
        tally::count!("get");
        yields(1).await;
        if key % 2 == 1 {
            return None;
        }
        Some(key)
    }

    fn boxed<'a>(&'a self, key: &'a u64) -> Pin<Box<dyn Future<Output = u64> + 'a>> {
        let more = *key + 1;
        Box::pin(async move {
            tally::count!("boxed");
            self.get_or(*key, more).await
        })
    }

    fn opaque(&self) -> impl Future<Output = u64> {
        async {
            tally::count!("opaque");
            1
        }
    }
}

pub async fn sum() -> Result<u64, String> {
    tally::count!("sum");
    let store = Even;
    let mut sum = store.get_or(4, 0).await + store.get_or(3, 5).await;
    sum += store.boxed(&7).await + store.opaque().await;
    let doubled = async |n: u64| {
        yields(1).await;
        n * 2
    };
    sum += doubled(3).await;
    sum += impl_trait(&[1, 2]).await.sum::<u64>();
    sum += fallible("4").await?;
    assert!(fallible("x").await.is_err());
    Ok(sum)
}

pub async fn impl_trait(numbers: &[u64]) -> impl Iterator<Item = u64> + '_ {
    tally::count!("impl_trait");
    yields(1).await;
    numbers.iter().copied()
}

async fn fallible(text: &str) -> Result<u64, String> {
    tally::count!("fallible");
    let n: u64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    yields(n).await;
    Ok(n)
}

#[allow(dead_code)]
async fn diverges() -> ! {
    loop {
        yields(1).await;
    }
}

#[allow(dead_code)]
async fn unsafe_and_generic<T: Default + Send + 'static, const N: usize>(array: [T; N], _: &str) -> [T; N]
where
    T: Copy,
{
    let _ = array;
    yields(N as u64).await;
    [T::default(); N]
}
