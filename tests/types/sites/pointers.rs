//! Boxes, counted pointers, closures and trait objects.

use std::borrow::Cow;
use std::error::Error;
use std::hint::black_box;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, RwLock};

use super::{Order, Price, User, sites};

struct Tree {
    parent: Weak<Tree>,
    id: u64,
}

enum List {
    End,
    Next(u64, Box<List>),
}

#[inline(never)]
fn shared(id: u64) -> Arc<Order> {
    Arc::new(Order::new(id))
}

#[inline(never)]
fn counter(step: u64) -> Box<dyn Fn(u64) -> u64> {
    Box::new(move |it| it + step)
}

sites! {
    box_new "Box<Order>" |r| { r.record(|| Box::new(Order::new(black_box(1)))); }
    box_default "Box<Order>" |r| { r.record(Box::<Order>::default); }
    box_clone "Box<Order>" |r| {
        let order = Box::new(Order::new(black_box(1)));
        r.record(|| order.clone());
    }
    box_from "Box<u64>" |r| { r.record(|| Box::from(black_box(8u64))); }
    box_large "Box<[u8; 5000]>" |r| { r.record(|| Box::new([black_box(1u8); 5000])); }
    box_trait "Box<Order>" |r| { r.record(|| -> Box<dyn Price> { Box::new(Order::new(black_box(1))) }); }
    box_pin "Box<Order>" |r| { r.record(|| Box::pin(Order::new(black_box(1)))); }
    box_uninit "Box<Order>" |r| { r.record(Box::<Order>::new_uninit); }
    box_uninit_slice "Box<[u64]>" |r| { r.record(|| Box::<[u64]>::new_uninit_slice(black_box(9))); }
    box_recursive "Box<List>" |r| {
        let list = r.record(|| List::Next(black_box(1), Box::new(List::End)));
        if let List::Next(id, rest) = list {
            black_box((id, rest));
        }
    }
    box_closure "Box<{closure_env#0}>" |r| { r.record(|| counter(black_box(5))); }
    box_closure_once "Box<{closure_env#1}>|Box<{closure_env#0}>" |r| {
        let order = Order::new(black_box(1));
        r.record(|| -> Box<dyn FnOnce() -> u64> { Box::new(move || order.amount) });
    }
    box_error_text "Box<StringError> & String" |r| { r.record(|| Box::<dyn Error>::from(black_box("no"))); }
    box_error_io "Box<Custom> & Box<StringError> & String" |r| { r.record(|| std::io::Error::other(black_box("no"))); }
    cow_owned "String" |r| {
        let text = Cow::Borrowed(black_box("text"));
        r.record(|| text.into_owned());
    }
    arc_new "Arc<Order>" |r| { r.record(|| Arc::new(Order::new(black_box(1)))); }
    arc_function "Arc<Order>" |r| { r.record(|| shared(black_box(1))); }
    arc_user "Arc<User>" |r| {
        let user = User::default();
        r.record(|| Arc::new(user));
    }
    arc_mutex "Arc<Mutex<Order>>" |r| { r.record(|| Arc::new(Mutex::new(Order::new(black_box(1))))); }
    arc_lock_map "Arc<RwLock<Vec<Order>>>" |r| { r.record(|| Arc::new(RwLock::new(Vec::<Order>::new()))); }
    arc_trait "Arc<Order>" |r| { r.record(|| -> Arc<dyn Price> { Arc::new(Order::new(black_box(1))) }); }
    arc_from_box "Arc<Order>" |r| {
        let order = Box::new(Order::new(black_box(1)));
        r.record(|| Arc::<Order>::from(order));
    }
    arc_from_boxed_trait "Arc<dyn Price>" |r| {
        let order: Box<dyn Price> = Box::new(Order::new(black_box(1)));
        r.record(|| Arc::<dyn Price>::from(order));
    }
    arc_slice_from_vec "Arc<[u32]>" |r| {
        let list = vec![black_box(1u32), 2, 3];
        r.record(|| Arc::<[u32]>::from(list));
    }
    arc_slice_from_slice "Arc<[Order]>" |r| {
        let list = [Order::new(black_box(1)), Order::new(2)];
        r.record(|| Arc::<[Order]>::from(&list[..]));
    }
    arc_slice_collect "Arc<[u64]>" |r| { r.record(|| (0..black_box(9u64)).collect::<Arc<[_]>>()); }
    arc_make_mut "Arc<Order>" |r| {
        let mut order = shared(4);
        let other = order.clone();
        r.record(|| Arc::make_mut(&mut order).id = 9);
        drop(other);
    }
    arc_cyclic "Arc<Order>" |r| { r.record(|| Arc::new_cyclic(|_| Order::new(black_box(1)))); }
    arc_pin "Arc<Order>" |r| { r.record(|| Arc::pin(Order::new(black_box(1)))); }
    rc_new "Rc<Order>" |r| { r.record(|| Rc::new(Order::new(black_box(1)))); }
    rc_cell "Rc<RefCell<Order>>" |r| { r.record(|| Rc::new(std::cell::RefCell::new(Order::new(black_box(1))))); }
    rc_cyclic "Rc<Tree>" |r| {
        let tree = r.record(|| Rc::new_cyclic(|parent| Tree { parent: parent.clone(), id: black_box(1) }));
        black_box((tree.parent.upgrade().is_some(), tree.id));
    }
    rc_slice "Rc<[Order]>" |r| {
        let list = vec![Order::new(black_box(1)), Order::new(2)];
        r.record(|| Rc::<[Order]>::from(list));
    }
    rc_make_mut "Rc<Order>" |r| {
        let mut order = Rc::new(Order::new(1));
        let other = order.clone();
        r.record(|| Rc::make_mut(&mut order).id = 9);
        drop(other);
    }
    once_lock_box "Box<Order>" |r| {
        let cell = std::sync::OnceLock::new();
        r.record(|| cell.get_or_init(|| Box::new(Order::new(black_box(1)))).id);
    }
    raw_allocation "unknown" |r| {
        r.record(|| {
            let layout = std::alloc::Layout::array::<u8>(black_box(77)).unwrap();
            // SAFETY: not of size zero, and freed as it was allocated.
            unsafe { std::alloc::dealloc(black_box(std::alloc::alloc(layout)), layout) }
        });
    }
}
