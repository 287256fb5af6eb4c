# The same program twice, line by line: see work.rs. What allocates on a line there allocates on that line here.

# A block of that size, on the line that asks for it. 33 bytes of it are Python's own.
def small(n): block = bytes(n - 33); return block
def other(n): block = bytes(n - 33); return block
def grown(n): block = bytes(n - 33); return block
def inner(n): block = small(n); return block
def outer(n): block = inner(n); return block
def level(d, n): block = other(n) if d == 0 else level(d - 1, n); return block

# Each fills its part of what is kept.
def rows(keep, at): store(keep, at, 20, lambda i: inner(100 + i) if i % 2 else bytes(150 + i - 33))
def columns(keep, at): store(keep, at, 50, lambda i: outer(1000 + 7 * i))
def pages(keep, at): store(keep, at, 30, lambda i: bytes(4096 + i - 33))
def deep(keep, at): store(keep, at, 5, lambda i: level(30, 70001 + i))
def gone(keep, at): store(keep, at, 9, lambda i: small(5000 + i)); store(keep, at, 9, lambda i: None)
def texts(keep, at): store(keep, at, 12, lambda i: bytes(300 + i - 33) if i % 3 else grown(300 + i))
def huge(keep, at): store(keep, at, 2, lambda i: small(3 << 20) if i == 0 else other(1 << 20))
def many(keep, at): store(keep, at, 200, lambda i: bytes(40 - 33))

# What is kept at the first look, and what changes up to the second.
def first(keep): rows(keep, 0); columns(keep, 20); pages(keep, 70); deep(keep, 100); gone(keep, 105); texts(keep, 114)
def second(keep): huge(keep, 130); many(keep, 132); store(keep, 20, 40, lambda i: None); pages(keep, 340); rows(keep, 0)

def store(keep, at, count, make):
    for i in range(count): keep[at + i] = make(i)
