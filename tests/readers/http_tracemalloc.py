"""Reads an answer of the endpoint tracemalloc, and makes its texts from its numbers by tracemalloc's own code."""

import json
import sys
import tracemalloc


def main():
    answer = json.load(sys.stdin)
    top = []
    for number, row in enumerate(answer["rows"], 1):
        # As tracemalloc holds them: the most recent first. What is no line of source has none there.
        frames = [(line["file"], line["line"]) for line in row["lines"]]
        if any(line is None for _, line in frames):
            top.append(without_source(number, row))
            continue
        traceback = tracemalloc.Traceback(tuple(reversed(frames)))
        frame = traceback[0]
        top.append({
            "desc": "#%s: %s:%s: %.1f KiB" % (number, frame.filename, frame.lineno, row["bytes"] / 1024),
            "traceback": traceback.format(),
        })
    other = answer["other"]
    print(json.dumps({
        "top_result": top,
        "other_result": "Total %s, other: %.1f KiB" % (other["rows"], other["bytes"] / 1024),
        "total_size": "%.1f KiB" % (answer["total"]["bytes"] / 1024),
    }))


def without_source(number, row):
    lines = []
    for line in row["lines"]:
        if line["line"] is None:
            lines.append("  " + line["file"])
        else:
            lines += tracemalloc.Traceback(((line["file"], line["line"]),)).format()
    return {"desc": "#%s: %s: %.1f KiB" % (number, row["name"], row["bytes"] / 1024), "traceback": lines}


main()
