//! Futures in boxes, tasks, and the channels between them.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use super::{Order, sites};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

async fn fetch(id: u64) -> Order {
    tokio::task::yield_now().await;
    Order::new(id)
}

async fn fetch_many(ids: [u64; 6]) -> u64 {
    let mut sum = 0;
    for id in ids {
        sum += fetch(id).await.amount;
    }
    sum
}

fn boxed(id: u64) -> BoxFuture<'static, Order> {
    fetch(id).boxed()
}

trait Store {
    fn load(&self, id: u64) -> Pin<Box<dyn Future<Output = Order> + Send + '_>>;
}

struct Shop(u64);

impl Store for Shop {
    fn load(&self, id: u64) -> Pin<Box<dyn Future<Output = Order> + Send + '_>> {
        Box::pin(async move { fetch(id + self.0).await })
    }
}

sites! {
    future_box_pin "Box<{async_fn_env#0}>" |r| { r.record(|| Box::pin(fetch(black_box(1)))); }
    future_box_pin_dyn "Box<{async_fn_env#0}>" |r| {
        r.record(|| -> Pin<Box<dyn Future<Output = u64>>> { Box::pin(fetch_many(black_box([1; 6]))) });
    }
    future_boxed "Box<{async_fn_env#0}>" |r| { r.record(|| boxed(black_box(1))); }
    future_block "Box<{async_block_env#0}>|Box<{async_block_env#1}>" |r| {
        let id = black_box(5);
        r.record(|| Box::pin(async move { fetch(id).await.amount + 1 }));
    }
    future_method "Box<{async_block_env#0}>" |r| {
        let shop = Shop(black_box(1));
        r.record(|| shop.load(3));
    }
    task_spawn_block "task<{async_block_env#0}>" |r| {
        runtime().block_on(async {
            let id = black_box(3);
            r.record(|| tokio::spawn(async move { fetch(id).await.amount })).await.unwrap();
        });
    }
    task_spawn_function "task<{async_fn_env#0}>" |r| {
        runtime().block_on(async { r.record(|| tokio::spawn(fetch(black_box(1)))).await.unwrap() });
    }
    task_spawn_runtime "task<{async_fn_env#0}>" |r| {
        let runtime = runtime();
        r.record(|| runtime.spawn(fetch_many(black_box([1; 6]))));
    }
    task_spawn_large "task<Pin<Box<{async_block_env#0}>>> & Box<{async_block_env#0}>" |r| {
        runtime().block_on(async {
            let data = [black_box(3u8); 30_000];
            r.record(|| {
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    data.iter().map(|it| u64::from(*it)).sum::<u64>()
                })
            })
            .await
            .unwrap();
        });
    }
    task_local "task<{async_block_env#0}>" |r| {
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime(), async {
            r.record(|| tokio::task::spawn_local(async { fetch(black_box(1)).await })).await.unwrap();
        });
    }
    futures_unordered "Arc<Task<{async_fn_env#0}>>" |r| {
        let all = FuturesUnordered::new();
        r.record(|| all.push(fetch(black_box(1))));
    }
    stream_boxed "Box<Map<Iter<Range<u64>>, {closure_env#0}>>|Box<Map<Iter<Range<u64>>, {closure_env#1}>>" |r| {
        r.record(|| stream::iter(0..black_box(4u64)).map(|it| it + 1).boxed());
    }
    oneshot_channel "Arc<Inner<Order>>" |r| { r.record(oneshot::channel::<Order>); }
    mpsc_channel_send "mpsc<Order>" |r| {
        let (sender, _receiver) = mpsc::unbounded_channel();
        for id in 0..32 {
            sender.send(Order::new(id)).unwrap();
        }
        r.record(|| sender.send(Order::new(black_box(33))).is_ok());
    }
    mpsc_channel_new "mpsc<Order> & Arc<Chan<Order, Semaphore>>" |r| { r.record(|| mpsc::channel::<Order>(black_box(9))); }
    watch_channel "Arc<Shared<Order>>" |r| { r.record(|| watch::channel(Order::new(black_box(1)))); }
    broadcast_channel "Arc<Shared<Order>> & Box<[Mutex<Slot<Order>>]>" |r| {
        r.record(|| broadcast::channel::<Order>(black_box(8)));
    }
    notify_arc "Arc<Notify>" |r| { r.record(|| std::sync::Arc::new(Notify::new())); }
    sleep_boxed "Box<Sleep>" |r| {
        let runtime = runtime();
        let _inside = runtime.enter();
        r.record(|| Box::pin(tokio::time::sleep(Duration::from_secs(black_box(9)))));
    }
    join_all "Box<[MaybeDone<{async_fn_env#0}>]>" |r| {
        r.record(|| futures_util::future::join_all((0..black_box(4)).map(fetch)));
    }
    shared_future "Arc<Inner<{async_fn_env#0}>> & Arc<Notifier>" |r| { r.record(|| fetch_many(black_box([1; 6])).shared()); }
    async_channel_new "Arc<Channel<u64>> & Vec<Slot<u64>>|Box<[Slot<u64>]>" |r| {
        r.record(|| async_channel::bounded::<u64>(black_box(4)));
    }
}
