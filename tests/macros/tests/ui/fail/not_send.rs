use profile_cost::profile_cost;

use std::rc::Rc;

#[profile_cost]
async fn measured() {
    let count = Rc::new(1);
    std::future::ready(()).await;
    drop(count);
}

fn is_send(_: impl Send) {}

fn main() {
    is_send(measured());
}
