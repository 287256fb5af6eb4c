// The same program twice, line by line: see work.py. What allocates on a line there allocates on that line here, and no call is a function's last deed: optimised, such a function is not on the stack.

// A block of that size, on the line that asks for it.
#[inline(never)] fn small(n: usize) -> Vec<u8> { let block = Vec::with_capacity(n); black_box(block) }
#[inline(never)] fn other(n: usize) -> Vec<u8> { let block = vec![0; n]; black_box(block) }
#[inline(never)] fn grown(n: usize) -> Vec<u8> { let mut block = Vec::new(); block.reserve_exact(n); black_box(block) }
#[inline(never)] fn inner(n: usize) -> Vec<u8> { let block = small(n); black_box(block) }
#[inline(never)] fn outer(n: usize) -> Vec<u8> { let block = inner(n); black_box(block) }
#[inline(never)] fn level(d: usize, n: usize) -> Vec<u8> { let block = if d == 0 { other(n) } else { level(d - 1, n) }; black_box(block) }

// Each fills its part of what is kept.
#[inline(never)] fn rows(keep: &mut Keep, at: usize) { store(keep, at, 20, |i| black_box(if i % 2 > 0 { inner(100 + i) } else { vec![0; 150 + i] })); black_box(keep); }
#[inline(never)] fn columns(keep: &mut Keep, at: usize) { store(keep, at, 50, |i| black_box(outer(1000 + 7 * i))); black_box(keep); }
#[inline(never)] fn pages(keep: &mut Keep, at: usize) { store(keep, at, 30, |i| black_box(Vec::with_capacity(4096 + i))); black_box(keep); }
#[inline(never)] fn deep(keep: &mut Keep, at: usize) { store(keep, at, 5, |i| black_box(level(30, 70001 + i))); black_box(keep); }
#[inline(never)] fn gone(keep: &mut Keep, at: usize) { store(keep, at, 9, |i| black_box(small(5000 + i))); store(keep, at, 9, |_| Vec::new()); black_box(keep); }
#[inline(never)] fn texts(keep: &mut Keep, at: usize) { store(keep, at, 12, |i| black_box(if i % 3 > 0 { vec![1; 300 + i] } else { grown(300 + i) })); black_box(keep); }
#[inline(never)] fn huge(keep: &mut Keep, at: usize) { store(keep, at, 2, |i| black_box(if i == 0 { small(3 << 20) } else { other(1 << 20) })); black_box(keep); }
#[inline(never)] fn many(keep: &mut Keep, at: usize) { store(keep, at, 200, |_| black_box(Vec::with_capacity(40))); black_box(keep); }

// What is kept at the first look, and what changes up to the second.
#[inline(never)] fn first(keep: &mut Keep) { rows(keep, 0); columns(keep, 20); pages(keep, 70); deep(keep, 100); gone(keep, 105); texts(keep, 114); black_box(keep); }
#[inline(never)] fn second(keep: &mut Keep) { huge(keep, 130); many(keep, 132); store(keep, 20, 40, |_| Vec::new()); pages(keep, 340); rows(keep, 0); black_box(keep); }

#[inline(never)] fn store(keep: &mut Keep, at: usize, count: usize, make: impl Fn(usize) -> Vec<u8>) {
    for i in 0..count { keep[at + i] = make(i); }
}
