#!/usr/bin/env python
# coding: utf-8
"""What this Python writes for pstats, and what it makes of it: the other side of profile-runtime/tests/pstats_pythons.rs.

    write_dumps.py DIR [few]

writes into DIR, for every way there is to make a dump (or a few of them), NAME.prof and NAME.json:

    "python"    version
    "stats"     what marshal.load gives: [[file, line, name], [cc, nc, tt, ct, callers]]..., callers alike, or a
                plain count for each; times as the bits of the double; names that are no text as
                backslashreplace prints them
    "totals"    [total_calls, prim_calls, total_tt]
    "reports"   [{"strip", "sort", "method", "args", "text"}...] as pstats prints them (absent where names are
                no text)
    "version2"  true when marshal's version 2 wrote it, in the form that has no references

Runs on Python 2.7 and 3.x, with the standard library alone.
"""
from __future__ import print_function

import cProfile
import io
import json
import marshal
import os
import pstats
import struct
import sys
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import profile

PY2 = sys.version_info[0] == 2
integers = (int, long) if PY2 else (int,)  # noqa: F821


# --- something to profile: recursion, two callers, built-ins, an exception, names beyond ASCII. Under a name of its
# own, so that dumps do not depend on where this file is. Python 2 pads by bytes: its reports are ASCII.

WORK = """
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

def fails():
    raise ValueError("no")

def work():
    fib(7)
    even(5)
    odd(4)
    sorted([len("ab"), max(3, 4)], key=lambda x: -x)
    try:
        fails()
    except ValueError:
        pass
    scope = {}
    exec(compile("def %s(): return 1", "/srv/%s/module.py", "exec"), scope)
    scope["%s"]()

def unreadable():
    for name in NAMES:
        scope = {}
        exec(compile("def brew(): return brewing()\\ndef brewing(): return 1", name, "exec"), scope)
        scope["brew"]()
""" % (("groesse",) * 3 if PY2 else ("größe",) * 3)
# Files whose names are no UTF-8, and one whose name is.
NAMES = [b"/srv/caf\xe9.py", b"/srv/caf\xe8.py", b"/srv/caf\xc3\xa9.py"]
scope = {"NAMES": NAMES if PY2 else [os.fsdecode(name) for name in NAMES]}
exec(compile(WORK, "/srv/shop/work.py", "exec"), scope)
work, unreadable = scope["work"], scope["unreadable"]


def profiled(module, body):
    body()  # once for what it imports
    p = module.Profile()
    p.runcall(body)
    p.create_stats()
    return p


# --- what became of it


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def text(x):
    if isinstance(x, bytes):
        try:
            return x.decode("utf-8")
        except UnicodeDecodeError:
            return x.decode("latin-1").encode("ascii", "backslashreplace").decode("ascii")
    return x.encode("utf-8", "backslashreplace").decode("utf-8")


def label(func):
    return [text(func[0]), func[1], text(func[2])]


def plain(stats):
    def edge(value):
        if isinstance(value, (tuple, list)):
            nc, cc, tt, ct = value
            return [nc, cc, bits(tt), bits(ct)]
        return value

    return [
        [label(func), [cc, nc, bits(tt), bits(ct), [[label(f), edge(e)] for f, e in callers.items()]]]
        for func, (cc, nc, tt, ct, callers) in stats.items()
    ]


class Loaded(object):
    """What pstats.Stats takes in place of a profiler."""

    def __init__(self, stats):
        self.stats = stats

    def create_stats(self):
        pass


REPORTS = [
    (sort, method, args)
    for method in ("print_stats", "print_callers", "print_callees")
    for sort, args in (("nfl", []), ("stdname", [3]), ("nfl", [0.5]), ("stdname", ["fib|odd"]))
]
# Python 2 keeps no order among equal ones.
ORDERED_REPORTS = [("cumulative", method, []) for method in ("print_stats", "print_callers")]
ORDERED_REPORTS += [("calls", "print_callees", [5]), (None, "print_stats", [])]


def reports(path):
    for strip in (False, True):
        for sort, method, args in REPORTS + ([] if PY2 else ORDERED_REPORTS):
            out = io.BytesIO() if PY2 else io.StringIO()
            with open(path, "rb") as f:
                s = pstats.Stats(Loaded(marshal.load(f)), stream=out)
            if strip:
                s.strip_dirs()
            if sort is not None:
                s.sort_stats(sort)
            getattr(s, method)(*args)
            printed = out.getvalue()
            yield {"strip": strip, "sort": sort, "method": method, "args": args,
                   "text": printed.decode("utf-8") if PY2 else printed}


def describe(path, readable, version2=False):
    with open(path, "rb") as f:
        stats = marshal.load(f)
    loaded = pstats.Stats(Loaded(dict(stats)), stream=io.StringIO())
    case = {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "stats": plain(stats),
        "totals": [loaded.total_calls, loaded.prim_calls, bits(loaded.total_tt)],
        "reports": list(reports(path)) if readable else [],
        # Python 2 has its references in version 2 already, and bytes for names.
        "version2": version2 and not PY2,
    }
    with io.open(path[:-len("prof")] + "json", "w", encoding="utf-8") as f:
        f.write(text(json.dumps(case, indent=None, sort_keys=True)) + u"\n")


def main(directory, few=False):
    def path(name):
        return os.path.join(directory, name + ".prof")

    def put(name, stats, version=marshal.version, readable=True):
        with open(path(name), "wb") as f:
            marshal.dump(stats, f, version)
        describe(path(name), readable, version == 2)

    # Each profiler's own way of dumping.
    for module in (cProfile, profile):
        p = profiled(module, work)
        p.dump_stats(path(module.__name__))
        describe(path(module.__name__), True)
        if few:
            continue
        for version in range(marshal.version + 1):
            put("%s-marshal%d" % (module.__name__, version), p.stats, version)
        # Sums, and names without directories.
        s = pstats.Stats(Loaded(dict(p.stats)))
        s.add(pstats.Stats(Loaded(dict(p.stats)))).strip_dirs()
        s.dump_stats(path(module.__name__ + "-added"))
        describe(path(module.__name__ + "-added"), True)
    if few:
        return put("names", profiled(cProfile, unreadable).stats, readable=False)
    # Names that are no text, as both kinds of Python have them.
    for version in (2, marshal.version):
        put("names-marshal%d" % version, profiled(cProfile, unreadable).stats, version, readable=False)
    # Objects that occur several times are written as references from version 3 on.
    main_, one, two = ("a.py", 1, "main"), ("a.py", 2, "one"), ("a.py", 3, "two")
    edge = (2, 2, 0.25, 0.5)
    callers = {main_: edge, one: edge}
    entry = (4, 4, 0.25, 0.5, callers)
    shared = {main_: (1, 1, 0.5, 1.5, {}), one: entry, two: entry, ("b.py", 1, "three"): (4, 4, 1.0, 1.0, callers)}
    # Numbers of every size.
    large = {main_: (2**31, 2**40, 1e300, float("inf"), {}),
             one: (2**63 - 1, 2**63 - 1, 0.1, 5e-324, {main_: (2**31 - 1, 2**31, 1.0 / 3.0, 2.0)}),
             two: (0, 0, 0, 0, {})}
    # Seconds from a clock of whole numbers, and lists for tuples.
    whole = {main_: [1, 1, 3, 2**60, {}], one: (1, 1, 2, -5, {main_: [1, 1, 2, 2**40]})}
    for version in range(marshal.version + 1):
        put("shared-marshal%d" % version, shared, version)
        put("large-marshal%d" % version, large, version)
    for version in (0, marshal.version):
        put("whole-marshal%d" % version, whole, version, readable=False)


if __name__ == "__main__":
    FEW = sys.argv[2:] == ["few"]
    if FEW:
        REPORTS = [report for report in REPORTS if not report[2]]
    main(sys.argv[1], FEW)
