"""What tracemalloc says of work.py, as JSON: rows and texts of two snapshots, of their difference, and of what filters leave."""

import io
import json
import linecache
import os
import sys
import tracemalloc

import work

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = work.__file__
KEYS = ["lineno", "filename", "traceback"]


def name(path):
    return os.path.basename(path)


def stack(traceback):
    # Down to where the work was called from.
    return [frame.lineno for frame in traceback if frame.filename == FILE]


def rows(snapshot, key):
    return [[name(row.traceback[-1].filename), row.traceback[-1].lineno, row.size, row.count,
             stack(row.traceback) if key == "traceback" else [],
             str(row).replace(HERE + os.sep, "")] for row in snapshot.statistics(key)]


def differences(new, old, key):
    return [[row.size, row.size_diff, row.count, row.count_diff, str(row).replace(HERE + os.sep, "")]
            for row in new.compare_to(old, key)]


def display_top(snapshot, key_type, limit, file):
    # The recipe of the documentation, without its filter and with the last part of the path.
    top_stats = snapshot.statistics(key_type)
    print("Top %s lines" % limit, file=file)
    for index, stat in enumerate(top_stats[:limit], 1):
        frame = stat.traceback[0]
        print("#%s: %s:%s: %.1f KiB" % (index, name(frame.filename), frame.lineno, stat.size / 1024), file=file)
        line = linecache.getline(frame.filename, frame.lineno).strip()
        if line:
            print("    %s" % line, file=file)
    other = top_stats[limit:]
    if other:
        size = sum(stat.size for stat in other)
        print("%s other: %.1f KiB" % (len(other), size / 1024), file=file)
    total = sum(stat.size for stat in top_stats)
    print("Total allocated size: %.1f KiB" % (total / 1024), file=file)


def top(snapshot, key, limit):
    file = io.StringIO()
    display_top(snapshot, key, limit, file)
    return file.getvalue()


def only(snapshot, *filters):
    return snapshot.filter_traces([tracemalloc.Filter(*some) for some in filters])


def main():
    keep = [None] * 400
    frames = int(sys.argv[1])
    tracemalloc.start(frames)
    work.first(keep)
    first = tracemalloc.take_snapshot()
    work.second(keep)
    second = tracemalloc.take_snapshot()
    tracemalloc.stop()
    # Where the blocks are asked for: elsewhere Python needs some for itself.
    lines = [4, 5, 6, 12, 14, 17, 19]
    blocks = lambda snapshot: only(snapshot, *[(True, FILE, line) for line in lines])
    first, second = blocks(first), blocks(second)
    filters = {
        "line": only(second, (True, FILE, 4)),
        "not the line": only(second, (False, FILE, 4)),
        "through inner": only(second, (True, FILE, 7, True)),
        "not through inner": only(second, (False, FILE, 7, True)),
        "none": only(second, (True, "*/nothing.py")),
    }
    answer = {
        "rows": {key: [rows(snapshot, key) for snapshot in (first, second)] for key in KEYS},
        "differences": {key: differences(second, first, key) for key in KEYS},
        "top": {key: [top(snapshot, key, limit) for snapshot in (first, second) for limit in (2, 10)] for key in KEYS},
        "filters": {what: rows(left, "lineno") for what, left in filters.items()},
    }
    print(json.dumps(answer))


main()
