#!/usr/bin/env python3
"""What tracemalloc says of made-up traces, as JSON on standard output, for profile-runtime/tests/heap_python.rs.

    heap_tracemalloc.py FIRST_SEED CASES

To be run in profile-runtime: one of the files that traces name is there, so that its lines are printed.
"""

import fnmatch
import io
import json
import linecache
import random
import sys
import tracemalloc
from tracemalloc import Filter, Snapshot, Statistic, StatisticDiff, Traceback

SOURCE = "tests/golden/heap/source.txt"
FILES = ["src/main.rs", "src/orders.rs", "src/orders/mod.rs", "a.rs", "b[1].rs", "größe/関数.rs", SOURCE,
         "/home/user/registry/serde-1.0/src/lib.rs", "-", " "]
PATTERNS = ["*", "src/*", "src/*.rs", "*/mod.rs", "?.rs", "b[[]1].rs", "[a-b]*", "[!a]*", "src/orders.rs", "*größe*",
            "*.RS", "", "tests/*", "[]-a]*", "*serde*lib*"]
KEYS = ("lineno", "filename", "traceback")
CUMULATIVE_KEYS = ("lineno", "filename")


def trace(rng, repeat):
    """Domain, size, frames with the most recent first, how many there were."""
    frames = []
    for _ in range(rng.randrange(1, 7)):
        frame = (rng.choice(FILES), rng.randrange(0, 12))
        if repeat or frame[0] not in [name for name, _ in frames]:
            frames.append(frame)
    size = rng.choice([rng.randrange(0, 100), rng.randrange(0, 20000), rng.randrange(0, 1 << 40), 4096])
    return (0, size, tuple(frames), len(frames))


def traces(rng, repeat):
    some = [trace(rng, repeat) for _ in range(rng.randrange(0, 12))]
    # Blocks of the same stack.
    some += [(0, rng.randrange(0, 5000), *one[2:]) for one in some if rng.randrange(3) == 0]
    return some


def once(some, key_type):
    """The traces without what tracemalloc would count twice: recursion."""
    def names(frames):
        seen = {}
        for name, line in frames:
            seen.setdefault(name if key_type == "filename" else (name, line), (name, line))
        return tuple(seen.values())
    return [(domain, size, names(frames), total) for domain, size, frames, total in some]


def frames_of(traceback):
    return [[frame.filename, frame.lineno] for frame in traceback]


def statistics(snapshot, key_type, cumulative=False):
    return [[str(row), row.size, row.count] + ([frames_of(row.traceback)] if key_type == "traceback" else [])
            for row in snapshot.statistics(key_type, cumulative)]


def differences(new, old, key_type, cumulative=False):
    return [[str(row), row.size, row.size_diff, row.count, row.count_diff]
            for row in new.compare_to(old, key_type, cumulative)]


def display_top(snapshot, key_type, limit, file):
    # The recipe of the documentation, without its filter.
    top_stats = snapshot.statistics(key_type)
    print("Top %s lines" % limit, file=file)
    for index, stat in enumerate(top_stats[:limit], 1):
        frame = stat.traceback[0]
        print("#%s: %s:%s: %.1f KiB" % (index, frame.filename, frame.lineno, stat.size / 1024), file=file)
        line = linecache.getline(frame.filename, frame.lineno).strip()
        if line:
            print("    %s" % line, file=file)
    other = top_stats[limit:]
    if other:
        size = sum(stat.size for stat in other)
        print("%s other: %.1f KiB" % (len(other), size / 1024), file=file)
    total = sum(stat.size for stat in top_stats)
    print("Total allocated size: %.1f KiB" % (total / 1024), file=file)


def shown(snapshot, key_type, limit):
    file = io.StringIO()
    display_top(snapshot, key_type, limit, file)
    return file.getvalue()


def filter_sets(rng):
    for _ in range(4):
        yield [
            (rng.random() < 0.6, rng.choice(PATTERNS), rng.choice([None, None, rng.randrange(0, 12)]), rng.random() < 0.4)
            for _ in range(rng.randrange(0, 4))
        ]


def case(seed):
    rng = random.Random(seed)
    repeat = seed % 2 == 1
    raw_new, raw_old = traces(rng, repeat), traces(rng, repeat)
    # Some of the old blocks are still there.
    raw_new += [one for one in raw_old if rng.randrange(2) == 0]
    new, old = Snapshot(raw_new, 25), Snapshot(raw_old, 25)
    answer = {
        "new": [[size, frames] for _, size, frames, _ in raw_new],
        "old": [[size, frames] for _, size, frames, _ in raw_old],
        "statistics": {key: statistics(new, key) for key in KEYS},
        "compare_to": {key: differences(new, old, key) for key in KEYS},
        "cumulative": {},
        "compare_to_cumulative": {},
        "filters": [],
        "format": [],
        "display_top": [[key, limit, shown(new, key, limit)] for key in KEYS for limit in (3, 10)],
    }
    for key in CUMULATIVE_KEYS:
        new_once, old_once = Snapshot(once(raw_new, key), 25), Snapshot(once(raw_old, key), 25)
        answer["cumulative"][key] = statistics(new_once, key, True)
        answer["compare_to_cumulative"][key] = differences(new_once, old_once, key, True)
        if not repeat:
            assert answer["cumulative"][key] == statistics(new, key, True)
            assert answer["compare_to_cumulative"][key] == differences(new, old, key, True)
    for filters in filter_sets(rng):
        made = [Filter(inclusive, pattern, lineno=lineno, all_frames=all_frames)
                for inclusive, pattern, lineno, all_frames in filters]
        kept = new.filter_traces(made)
        left = statistics(kept, "traceback")
        answer["filters"].append([filters, [[size, count, len(frames)] for _, size, count, frames in left]])
    for row in new.statistics("traceback")[:1]:
        for limit in (None, 1, 2, 100, 0, -1, -100):
            first = rng.random() < 0.5
            answer["format"].append([frames_of(row.traceback), limit, first, row.traceback.format(limit, first)])
    return answer


def sizes(rng):
    edges = [0, 1, 2, 99, 100, 101, 1023, 1024, 10239, 10240, 10241, 102348, 102349, 102399, 102400, 102401, 104857,
             10485759, 10485760, 10 << 30, (10 << 40) + 1, 1 << 53, (1 << 63) - 1]
    for size in edges + [rng.getrandbits(rng.randrange(1, 63)) for _ in range(150)]:
        yield size, rng.choice([1, 2, 3, 7, 1000, rng.getrandbits(20) + 1])


def texts(seed):
    rng = random.Random(seed)
    line = Traceback((("a.rs", 1),))
    single = [[size, count, str(Statistic(line, size, count))] for size, count in sizes(rng)]
    values = list(sizes(rng))
    rng.shuffle(values)
    pairs = zip(values, values[1:])
    double = [[new, old, str(StatisticDiff(line, new[0], new[0] - old[0], new[1], new[1] - old[1]))] for new, old in pairs]
    return {"statistics": single, "differences": double}


def patterns(seed):
    rng = random.Random(seed)
    letters = "ab-]![*?^\\./é~&|"
    for _ in range(600):
        pattern = "".join(rng.choice(letters) for _ in range(rng.randrange(0, 9)))
        text = "".join(rng.choice("ab-]!^\\/é[") for _ in range(rng.randrange(0, 5)))
        yield [pattern, text, fnmatch.fnmatchcase(text, pattern)]


def main():
    first, cases = int(sys.argv[1]), int(sys.argv[2])
    answer = {
        "python": "%d.%d" % sys.version_info[:2],
        "cases": [case(seed) for seed in range(first, first + cases)],
        "texts": texts(first),
        "patterns": list(patterns(first)),
    }
    # One case a line, so that a difference of two goldens can be read.
    out = ",\n".join('"%s":%s' % (key, "[\n%s\n]" % ",\n".join(dump(one) for one in value) if key == "cases" else dump(value))
                     for key, value in answer.items())
    sys.stdout.buffer.write(("{%s}\n" % out).encode())


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


main()
