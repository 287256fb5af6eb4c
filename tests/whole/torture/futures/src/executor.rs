use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        tally::count!("wake");
        self.0.unpark();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    tally::count!("block_on");
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

pub fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    tally::count!("poll_once");
    future.poll(&mut Context::from_waker(std::task::Waker::noop()))
}

/// Is suspended so many times.
pub fn yields(times: u64) -> impl Future<Output = ()> + Send {
    tally::count!("yields");
    Yields(times)
}

struct Yields(u64);

impl Future for Yields {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        tally::count!("poll");
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
