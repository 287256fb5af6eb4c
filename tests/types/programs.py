"""For programs.sh: puts the allocator into a program's main file, and gives a program something to do."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

INSTALLED = "\n#[global_allocator]\nstatic PROFILE_COST: profile_cost::heap::Tracker"


def install(main):
    """A program that has an allocator of its own keeps it, with ours around."""
    text = open(main, encoding="utf-8").read()
    # What is for other platforms alone.
    text = re.sub(r"#\[cfg\([^\]]*\)\]\s*#\[global_allocator\]\s*static [^;]+;", "", text)
    own = re.compile(r"#\[global_allocator\]\s*static \w+: ([\w:]+) = ([^;]+);")
    if own.search(text):
        new = r"#[global_allocator]\nstatic PROFILE_COST: profile_cost::heap::Tracker<\1> = profile_cost::heap::Tracker::new(\2);"
        text = own.sub(new, text, count=1)
    else:
        text += INSTALLED + " = profile_cost::heap::Tracker::system();\n"
    open(main, "w", encoding="utf-8").write(text)


def commands(sources, work):
    """What each program is told to do; those that are not here need no arguments."""
    return {
        "ripgrep": ["--no-ignore", "--sort", "path", "-c", "-w", r"\p{Lu}\w+(::\w+){2,}|unsafe|async", sources],
        "jaq": ["[.[] | {name, n: (.tags | length)}] | sort_by(.name) | group_by(.n) | map(length)", document(work)],
        "mdbook": ["build", book(sources, work)],
        "typst-cli": ["compile", paper(work), os.path.join(work, "paper.pdf")],
        "mini-redis": ["--port", "16379"],
        "documents": [sources],
    }


def written(work, name, text):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def document(work):
    one = '{"name":"user %d","id":%d,"mail":"user%d@example.org","tags":["a%d","b"],"place":{"x":%d.5,"y":null}}'
    rows = (one % (i, i, i, i, i) for i in range(60_000))
    return written(work, "in/users.json", "[" + ",\n".join(rows) + "]")


def book(sources, work):
    root = os.path.join(work, "in", "book")
    summary = ["# Summary", ""]
    pages = 0
    for folder, _, files in sorted(os.walk(sources)):
        for file in sorted(files):
            if file != "README.md" or pages == 150:
                continue
            text = open(os.path.join(folder, file), encoding="utf-8", errors="replace").read()
            # Pictures and includes are not there.
            text = text.replace("{{", "{ {")
            written(root, "src/p%d.md" % pages, "# Page %d\n\n%s" % (pages, text))
            summary.append("- [Page %d](p%d.md)" % (pages, pages))
            pages += 1
    written(root, "src/SUMMARY.md", "\n".join(summary) + "\n")
    written(root, "book.toml", '[book]\ntitle = "Many pages"\n')
    return root


def paper(work):
    rows = "\n\n".join(
        "= Section %d\n#lorem(120)\n\n$ sum_(k=1)^n k = (n(n+1))/2 $\n\n#table(columns: 3, %s)"
        % (i, ", ".join("[cell %d]" % k for k in range(12)))
        for i in range(60)
    )
    return written(work, "in/paper.typ", rows)


def load_redis():
    """Many keys, values of some length, and some channels that are listened to."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", 16379)).close()
            break
        except OSError:
            time.sleep(0.05)
    connections = [socket.create_connection(("127.0.0.1", 16379)) for _ in range(40)]

    def send(connection, *words):
        parts = ["*%d\r\n" % len(words)] + ["$%d\r\n%s\r\n" % (len(word), word) for word in words]
        connection.sendall("".join(parts).encode())
        return connection.recv(65536)

    for number, connection in enumerate(connections[:10]):
        send(connection, "SUBSCRIBE", "channel%d" % number)
    for number in range(20_000):
        answer = send(connections[10 + number % 30], "SET", "key:%d" % number, "value %d " % number * 8)
        assert answer.startswith(b"+OK"), answer
    for number in range(10):
        send(connections[11], "PUBLISH", "channel%d" % number, "something")
    return connections


def run(name, program, sources, work, heap, dump):
    arguments = commands(sources, work).get(name, [])
    environment = dict(os.environ, PROFILE_COST_HEAP=heap, PROFILE_COST_HEAP_OUT=dump, PROFILE_COST_SIGTERM="1")
    base = os.path.join(work, name + "-run")
    outputs = []
    for recorded in (False, True):
        used = environment if recorded else os.environ
        suffix = ".recorded" if recorded else ".plain"
        begun = time.monotonic()
        with open(base + suffix, "wb") as out, open(base + suffix + ".err", "wb") as err:
            child = subprocess.Popen([program, *arguments], env=used, stdout=out, stderr=err, cwd=work)
            if name == "mini-redis":
                connections = load_redis()
                child.send_signal(signal.SIGTERM)
            code = child.wait()
        outputs.append((code, open(base + suffix, "rb").read(), time.monotonic() - begun))
    (plain, output, took), (recorded, same, longer) = outputs
    print("%s: exit %d, recorded %d; output of %d bytes %s; %.1f s, recorded %.1f s" % (
        name, plain, recorded, len(output), "the same" if output == same else "DIFFERS", took, longer))
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "install":
        install(sys.argv[2])
    else:
        run(*sys.argv[2:])
