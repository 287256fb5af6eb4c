#!/usr/bin/env python3
"""What Python and PyPI's tools make of dumps: the other side of profile-runtime/tests/pstats_readers.rs.

    read_pstats.py DIR

prints, for the DIR/*.prof in order of their names, one JSON object a line, in which a tool that is not installed
has null:

    "name"
    "stats"     what marshal.load gives: [[file, line, name], [cc, nc, tt, ct, [[[file, line, name], [nc, cc, tt,
                ct]]...]]]..., times as the bits of the double
    "version2"  true when the file is marshal.dumps(stats, 2) byte for byte
    "reports"   [{"strip", "sort", "method", "args", "text"}...], by Python's own pstats; a text of more than 10,000
                bytes as [length, Adler-32]
    "gprof2dot" {"functions": [[file, called, self, total, [[file, calls, total]...]]...], "dot": how many lines the graph has}
    "snakeviz"  {"rows": ..., "stats": ...}: snakeviz.stats.table_rows and json_stats
    "tuna"      [text, sum of all values] of its tree, only for files named real*
    "flameprof" how many functions it draws, only for files named real*
    "pyprof2calltree" the lines of its output, only for files named real*
"""
import glob
import importlib
import io
import json
import marshal
import os
import pstats
import struct
import subprocess
import sys
import zlib


def installed(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def plain(stats):
    return [
        [list(func), [cc, nc, bits(tt), bits(ct),
                      [[list(f), [a, b, bits(t), bits(c)]] for f, (a, b, t, c) in callers.items()]]]
        for func, (cc, nc, tt, ct, callers) in stats.items()
    ]


def short(text):
    raw = text.encode("utf-8")
    return text if len(raw) <= 10000 else [len(raw), zlib.adler32(raw)]


def reports(path):
    for strip in (False, True):
        for sort in (None, "cumulative", "calls", "nfl", "stdname"):
            for method in ("print_stats", "print_callers", "print_callees"):
                for args in ([], [0.3], ["step|<", 7]) if sort == "cumulative" else ([],):
                    out = io.StringIO()
                    s = pstats.Stats(path, stream=out)
                    s.files = []  # the head with the file's name and time
                    if strip:
                        s.strip_dirs()
                    if sort:
                        s.sort_stats(sort)
                    getattr(s, method)(*args)
                    yield {"strip": strip, "sort": sort, "method": method, "args": args, "text": short(out.getvalue())}


def gprof2dot(path):
    tool = installed("gprof2dot")
    if not tool:
        return None
    parser = tool.PstatsParser(path)
    profile = parser.parse()
    keys = {number: list(key) for key, number in parser.function_ids.items()}
    functions = [
        [keys[number], f.called, bits(f[tool.TIME]), bits(f[tool.TOTAL_TIME]),
         [[keys[call.callee_id], call[tool.CALLS], bits(call[tool.TOTAL_TIME])] for call in f.calls.values()]]
        for number, f in profile.functions.items()
    ]
    done = subprocess.run([sys.executable, tool.__file__, "-f", "pstats", "-n", "0", "-e", "0", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError("gprof2dot %s: %s" % (path, done.stderr.decode()))
    return {"functions": functions, "dot": done.stdout.decode("utf-8", "replace").count("\n")}


def snakeviz(path):
    tool = installed("snakeviz.stats")
    if not tool:
        return None
    loaded = pstats.Stats(path)
    return {"rows": tool.table_rows(loaded), "stats": tool.json_stats(loaded)}


def tuna(path):
    if not installed("tuna"):
        return None
    read = importlib.import_module("tuna._runtime_profile").read_runtime_profile

    def total(node):
        return node.get("value", 0.0) + sum(total(child) for child in node.get("children", ()))

    tree = read(path)
    return [tree["text"][0], total(tree)]


def flameprof(path):
    tool = installed("flameprof")
    if not tool:
        return None
    out = io.StringIO()
    tool.render(pstats.Stats(path).stats, out)
    return out.getvalue().count("<title>")


def pyprof2calltree(path):
    tool = installed("pyprof2calltree")
    if not tool:
        return None
    out = io.StringIO()
    tool.CalltreeConverter(pstats.Stats(path)).output(out)
    return out.getvalue().splitlines()


def main(directory):
    for path in sorted(glob.glob(os.path.join(directory, "*.prof"))):
        name = os.path.basename(path)[:-len(".prof")]
        with open(path, "rb") as f:
            raw = f.read()
        stats = marshal.loads(raw)
        real = name.startswith("real")
        print(json.dumps({
            "name": name,
            "stats": plain(stats),
            "version2": marshal.dumps(stats, 2) == raw,
            "reports": list(reports(path)),
            "gprof2dot": gprof2dot(path),
            "snakeviz": snakeviz(path),
            "tuna": tuna(path) if real else None,
            "flameprof": flameprof(path) if real else None,
            "pyprof2calltree": pyprof2calltree(path) if real else None,
        }))


if __name__ == "__main__":
    main(sys.argv[1])
