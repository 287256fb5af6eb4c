"""Compares a whole-program profile with perf's samples of the plain program.

A sample belongs to the innermost function on its stack, inlined ones included, that the profile measures: as its self
time does. Functions are told by file and line, which both know, and not by name.

    perf.py NAME BINARY PERF.DATA REPORT.JSON INDEX.JSON SECONDS_PLAIN SECONDS_PROFILED
"""
import bisect
import collections
import json
import os
import re
import subprocess
import sys

name, binary, data, report, index, plain, profiled = sys.argv[1:]


def segments():
    """Of the file that are code: offset, end, and how far addresses lie above offsets."""
    text = subprocess.run(["readelf", "-lW", binary], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"] and "E" in "".join(words[6:-1]):
            offset, address, size = (int(words[i], 16) for i in (1, 2, 4))
            yield offset, offset + size, address - offset


def samples():
    """Stacks of addresses in the binary, innermost first; None elsewhere."""
    code = list(segments())
    script = subprocess.run(["perf", "script", "--no-inline", "-i", data, "-F", "event,ip,sym,dso"],
                            capture_output=True, text=True, errors="replace", check=True).stdout
    stack = None
    for line in script.splitlines():
        frame = re.match(r"\s+([0-9a-f]+) .*\((.*)\)$", line)
        if frame and stack is not None:
            # Of files, perf says offsets.
            place = int(frame.group(1), 16) if os.path.realpath(frame.group(2)) == os.path.realpath(binary) else None
            there = next((place + up for low, high, up in code if place is not None and low <= place < high), None)
            # A return address lies behind the call.
            stack.append(there if not stack or there is None else there - 1)
        elif not line.strip():
            if stack:
                yield stack
            stack = None
        elif "cpu-clock" in line:
            stack = []
    if stack:
        yield stack


def lines(addresses):
    """For each address, files and lines, innermost first."""
    asked = "\n".join(hex(address) for address in addresses)
    text = subprocess.run(["llvm-symbolizer", "--obj=" + binary, "--inlines", "--functions=linkage", "--demangle"],
                          input=asked, capture_output=True, text=True, check=True).stdout
    blocks = text.split("\n\n")
    found = {}
    for address, block in zip(addresses, blocks):
        places = []
        names_and_places = block.splitlines()
        for name, place in zip(names_and_places[::2], names_and_places[1::2]):
            file, number, _ = place.rsplit(":", 2)
            # A closure stands in one function and is called by another: so it is in the profile.
            if number.isdigit() and not re.search(r"\bclosure\b|closure[$]u7d", name):
                places.append((os.path.normpath(file), int(number)))
        found[address] = places
    return found


functions = {}
for file, entry in json.load(open(index))["files"].items():
    spans = []
    for function in entry["functions"]:
        spans.append((function["lines"]["start"], function["lines"]["end"], function["line"], function["name"]))
    functions[file] = sorted(spans)


def function_at(file, line):
    """The innermost function there."""
    spans = functions.get(file, ())
    here = [span for span in spans[:bisect.bisect_right(spans, (line, float("inf")))] if span[0] <= line <= span[1]]
    if not here:
        return None
    return file, max(here)[2], max(here)[3]


# Files of dependencies are told from the folder of their package on.
root = os.getcwd()
whole = {file: file for file in functions}
for file in functions:
    whole[os.path.relpath(file, root)] = file
    package = re.search(r"/registry/src/[^/]+/(.*)", file)
    if package:
        whole[package.group(1)] = file
own = {}
for row in json.load(open(report))["functions"]:
    own[whole.get(row["file"]), row["line"]] = row


stacks = list(samples())
where = lines(sorted({address for stack in stacks for address in stack if address is not None}))
counted = collections.Counter()
for stack in stacks:
    places = (place for address in stack if address is not None for place in where[address])
    function = next(filter(None, (function_at(*place) for place in places)), None)
    counted[function] += 1
outside = counted.pop(None, 0)


def ranks(values):
    order = sorted(values, reverse=True)
    return [sum(i + 1 for i, other in enumerate(order) if other == value) / order.count(value) for value in values]


def own_seconds(row):
    return row["self_seconds"] if row else 0.0


hottest = counted.most_common(10)
times = [own_seconds(own.get((file, line))) for (file, line, _), _ in hottest]
a, b = ranks([n for _, n in hottest]), ranks(times)
mean = (len(a) + 1) / 2
spread = (sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)) ** 0.5
rho = sum((x - mean) * (y - mean) for x, y in zip(a, b)) / spread if spread else float("nan")
total = sum(counted.values()) + outside
share = sum(n for _, n in hottest) / max(total, 1)
seconds = sum(own_seconds(row) for row in own.values()) or 1.0
print(f"| {name} | {len(own)} | {float(plain):.3f} s | {float(profiled):.3f} s | {float(profiled) / float(plain):.2f} "
      f"| {rho:.2f} | {share:.0%} |")
for ((file, line, function), n), time in zip(hottest, times):
    print(f"    {n / total:6.1%} of samples  {time / seconds:6.1%} of self time  {function}  "
          f"{os.path.basename(file)}:{line}", file=sys.stderr)
print(f"    {outside / total:6.1%} of samples  outside of what is measured", file=sys.stderr)
