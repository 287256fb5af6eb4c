//! Vectors and slices.

use std::hint::black_box;

use super::{Order, User, sites};

#[derive(Clone, Copy)]
struct Point(f32, f32, f32);

#[inline(never)]
fn orders(count: u64) -> Vec<Order> {
    (0..count).map(Order::new).collect()
}

sites! {
    cursor_write "Vec<u8>" |r| {
        let mut cursor = std::io::Cursor::new(Vec::new());
        r.record(|| std::io::Write::write_all(&mut cursor, black_box(&[7; 100])).is_ok());
    }
    vec_with_capacity "Vec<Order>" |r| { r.record(|| Vec::<Order>::with_capacity(black_box(7))); }
    vec_push "Vec<Order>" |r| {
        let mut list = Vec::new();
        r.record(|| list.push(Order::new(black_box(3))));
    }
    vec_push_many "Vec<u32>" |r| {
        r.record(|| {
            let mut list = Vec::new();
            for i in 0..black_box(100u32) {
                list.push(i);
            }
            list
        });
    }
    vec_push_users "Vec<User>" |r| {
        let user = User::default();
        let mut list = Vec::new();
        r.record(|| list.push(user));
    }
    vec_reserve "Vec<Point>" |r| {
        let mut list: Vec<Point> = Vec::new();
        r.record(|| list.reserve(black_box(20)));
        list.push(Point(1.0, 2.0, 3.0));
        black_box(list[0].0 + list[0].1 + list[0].2);
    }
    vec_reserve_exact "Vec<u16>" |r| {
        let mut list: Vec<u16> = Vec::new();
        r.record(|| list.reserve_exact(black_box(21)));
    }
    vec_try_reserve "Vec<(u32, u64)>" |r| {
        let mut list: Vec<(u32, u64)> = Vec::new();
        r.record(|| list.try_reserve(black_box(21)).is_ok());
    }
    vec_resize "Vec<f64>" |r| {
        let mut list: Vec<f64> = Vec::new();
        r.record(|| list.resize(black_box(30), 1.5));
    }
    vec_macro_repeat "Vec<u64>" |r| { r.record(|| vec![black_box(7u64); black_box(40)]); }
    vec_macro_zeroed "Vec<u8>" |r| { r.record(|| vec![0u8; black_box(4096)]); }
    vec_macro_list "Vec<Order>" |r| {
        r.record(|| vec![Order::new(black_box(1)), Order::new(2), Order::new(3)]);
    }
    vec_macro_strings_repeat "Vec<Vec<u8>>" |r| { r.record(|| vec![Vec::<u8>::new(); black_box(9)]); }
    vec_collect_range "Vec<Order>" |r| { r.record(|| (0..black_box(12)).map(Order::new).collect::<Vec<_>>()); }
    vec_collect_filter "Vec<u64>" |r| {
        r.record(|| (0..black_box(90u64)).filter(|it| it % 3 == 0).collect::<Vec<_>>());
    }
    vec_collect_function "Vec<Order>" |r| { r.record(|| orders(black_box(5))); }
    vec_collect_result "Vec<i32>" |r| {
        r.record(|| ["1", "2", "3"].iter().map(|it| it.parse::<i32>()).collect::<Result<Vec<_>, _>>());
    }
    vec_collect_option "Vec<u8>" |r| {
        r.record(|| [black_box(1u8), 2, 3].iter().map(|it| it.checked_add(1)).collect::<Option<Vec<_>>>());
    }
    vec_extend_iterator "Vec<u64>" |r| {
        let mut list: Vec<u64> = Vec::new();
        r.record(|| list.extend((0..black_box(64u64)).map(|it| it * 3)));
    }
    vec_extend_slice "Vec<u32>" |r| {
        let mut list: Vec<u32> = Vec::new();
        let more = [black_box(1u32), 2, 3, 4, 5];
        r.record(|| list.extend_from_slice(&more));
    }
    vec_append "Vec<Order>" |r| {
        let (mut list, mut more) = (Vec::new(), orders(3));
        r.record(|| list.append(&mut more));
    }
    vec_insert "Vec<i64>" |r| {
        let mut list: Vec<i64> = Vec::new();
        r.record(|| list.insert(0, black_box(8)));
    }
    vec_clone "Vec<Order>" |r| {
        let list = orders(4);
        r.record(|| list.clone());
    }
    vec_clone_copy "Vec<u64>" |r| {
        let list = vec![black_box(1u64); 10];
        r.record(|| list.clone());
    }
    vec_split_off "Vec<Order>" |r| {
        let mut list = orders(10);
        r.record(|| list.split_off(black_box(4)));
    }
    vec_shrink "Vec<u64>" |r| {
        let mut list: Vec<u64> = Vec::with_capacity(black_box(100));
        list.push(1);
        r.record(|| list.shrink_to_fit());
    }
    vec_of_vecs "Vec<Vec<u32>>" |r| { r.record(|| Vec::<Vec<u32>>::with_capacity(black_box(3))); }
    vec_of_options "Vec<Option<Box<Order>>>" |r| {
        r.record(|| Vec::<Option<Box<Order>>>::with_capacity(black_box(3)));
    }
    vec_of_references "Vec<&str>" |r| {
        let text = String::from("a b c d e f");
        r.record(|| text.split(' ').collect::<Vec<_>>());
    }
    vec_of_functions "Vec<fn(u64) -> Order>" |r| {
        r.record(|| Vec::<fn(u64) -> Order>::with_capacity(black_box(3)));
    }
    vec_of_trait_objects "Vec<Box<dyn Price>>" |r| {
        let list = r.record(|| Vec::<Box<dyn super::Price>>::with_capacity(black_box(3)));
        black_box(super::total(&list));
    }
    vec_of_arrays "Vec<[u8; 20]>" |r| { r.record(|| Vec::<[u8; 20]>::with_capacity(black_box(3))); }
    slice_to_vec "Vec<u32>" |r| {
        let list = [black_box(1u32), 2, 3];
        r.record(|| list.to_vec());
    }
    slice_to_owned "Vec<Order>" |r| {
        let list = [Order::new(black_box(1)), Order::new(4)];
        r.record(|| list[..].to_owned());
    }
    slice_concat "Vec<u16>" |r| {
        let list = [[black_box(1u16), 2], [3, 4]];
        r.record(|| list.concat());
    }
    slice_repeat "Vec<u32>" |r| {
        let list = [black_box(1u32), 2];
        r.record(|| list.repeat(black_box(8)));
    }
    vec_from_array "Vec<u64>" |r| { r.record(|| Vec::from([black_box(1u64), 2, 3, 4, 5])); }
    boxed_slice_shrunk "Box<[u64]>" |r| {
        let mut list: Vec<u64> = Vec::with_capacity(black_box(100));
        list.push(1);
        r.record(|| list.into_boxed_slice());
    }
    boxed_slice_from "Box<[u32]>" |r| {
        let list = [black_box(1u32), 2, 3];
        r.record(|| Box::<[u32]>::from(&list[..]));
    }
    boxed_slice_clone "Box<[Order]>" |r| {
        let list = orders(4).into_boxed_slice();
        r.record(|| list.clone());
    }
    boxed_slice_collect "Box<[Order]>" |r| {
        r.record(|| (0..black_box(9)).map(Order::new).collect::<Box<[_]>>());
    }
    sort_buffer "Vec<Order>" |r| {
        let mut list: Vec<Order> = (0..black_box(3000)).map(|it| Order::new(it * 7919 % 3001)).collect();
        r.record(|| list.sort_by_key(|order| order.id));
    }
    sort_cached "Vec<(u64, usize)>" |r| {
        let mut list: Vec<Order> = orders(18);
        r.record(|| list.sort_by_cached_key(|order| order.id % 7));
    }
}
