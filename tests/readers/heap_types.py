#!/usr/bin/env python3
"""What pympler and objgraph say of made-up types, as JSON on standard output, for profile-runtime/tests/heap_python.rs.

    heap_types.py FIRST_SEED CASES
"""

import io
import json
import random
import sys

import objgraph
from pympler import summary

NAMES = ["Vec<app::Order>", "String", "HashMap<u64, Order>", "Arc<Config>", "unknown", "größe::関数", "Box<dyn Fn()>", "T"]


def types(rng):
    """Name, blocks, bytes; no two of a size, so that Python's order is certain. Below a PB, which pympler calls an EB."""
    names = rng.sample(NAMES, rng.randrange(1, len(NAMES) + 1))
    sizes = rng.sample([rng.getrandbits(rng.choice([5, 11, 16, 24, 34, 42])) + 1 for _ in range(40)], len(names))
    sizes = [size * 64 + at for at, size in enumerate(sizes)]
    return [[name, min(rng.getrandbits(rng.choice([2, 5, 20])) + 1, size), size] for name, size in zip(names, sizes)]


def case(seed):
    rng = random.Random(seed)
    steps = [types(rng) for _ in range(4)]
    first, second = steps[:2]
    peaks, growth = {}, []
    for step in steps:
        # Types that have grown as much stay in the order in which they come.
        counts = {name: count for name, count, _ in sorted(step)}
        objgraph.typestats = lambda *args, **kwargs: counts
        limit = rng.choice([2, 10])
        file = io.StringIO()
        objgraph.show_growth(limit=limit, peak_stats=peaks, file=file)
        growth.append([limit, file.getvalue()])
    counts = {name: count for name, count, _ in sorted(first)}
    objgraph.typestats = lambda *args, **kwargs: counts
    common = [[limit, objgraph.most_common_types(limit=limit)] for limit in (0, 3)]
    file = io.StringIO()
    objgraph.show_most_common_types(limit=5, file=file)
    return {
        "steps": steps,
        "summary": [[limit, list(summary.format_(first, limit=limit))] for limit in (0, 3, 15)],
        "difference": sorted(summary.get_diff(first, second)),
        "growth": growth,
        "most_common": common,
        "show_most_common": [5, file.getvalue()],
    }


first, cases = int(sys.argv[1]), int(sys.argv[2])
lines = ",\n".join(json.dumps(case(seed), ensure_ascii=False, separators=(",", ":"))
                   for seed in range(first, first + cases))
sys.stdout.buffer.write(("[\n%s\n]\n" % lines).encode())
