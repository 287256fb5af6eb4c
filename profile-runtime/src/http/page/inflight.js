// What is under way right now: requests, running threads, suspended calls; since when, and on which path.

// A call path on one line, outermost first, the innermost in bold.
function pathOf(calls) {
  const path = el("span", "path");
  calls.forEach((call, i) => {
    if (i > 0) path.append(el("span", "muted", " \u203a "));
    path.append(el(i === calls.length - 1 ? "strong" : "span", "", undefined));
    path.lastChild.append(el("bdi", "", cut(call.name)));
  });
  return path;
}

function makeInFlight(box) {
  const age = (title, meaning) => ({ id: "age", title, meaning, text: row => duration(row.age), exact: row => UNITS.ns.exact(row.age), share: row => row.share });
  const part = (title, id, spec) => {
    const section = el("section", "card"), head = el("h2", "", title), body = el("div");
    section.id = id;
    section.setAttribute("aria-label", title);
    const number = el("span", "muted");
    head.append(" ", number);
    section.append(head, body);
    box.append(section);
    return { list: makeList(body, { label: title, nameMeaning: "", sort: null, openTo: stackOf, ...spec }), number };
  };
  const stackOf = row => {
    if (!row.stack) return [el("pre", "", row.name)];
    const here = row.here > 0 ? [el("p", "facts", `${duration(row.here)} in the innermost call's own code`)] : [];
    return [stackTable(row.stack), ...here];
  };
  box.replaceChildren();
  const requests = part("Requests", "requests", {
    nameTitle: "request", columns: [age("for", "since it came")], nameOf: row => [el("bdi", "name", cut(row.name))],
    none: () => "No request is being answered, or none goes through ProfileLayer.",
  });
  const threads = part("Running", "running", {
    nameTitle: "call path", nameMeaning: "outermost first, and the thread",
    columns: [age("for", "since the innermost call began")], nameOf: row => [pathOf(row.stack), el("bdi", "source", cut(row.thread))], none: () => "No thread is in an annotated function.",
  });
  const suspended = part("Suspended", "suspended", {
    nameTitle: "call path", nameMeaning: "outermost first",
    columns: [{ id: "count", title: "calls", meaning: "how many wait there", text: row => count(row.count), exact: row => counted(row.count, "call") }, age("for, mean", "since the innermost calls began, on average")],
    nameOf: row => [pathOf(row.stack)], none: () => "Nothing waits at an await.",
  });

  function stackTable(stack) {
    const table = el("table", "stack");
    for (const [i, call] of stack.entries()) {
      const tr = el("tr"), name = el("th");
      name.scope = "row";
      name.style.setProperty("--depth", String(Math.min(i, 12)));
      name.append(el("bdi", "name", cut(call.name)), el("bdi", "source", cut(call.source)));
      tr.append(name, cell("td", duration(call.age), UNITS.ns.exact(call.age)));
      table.append(tr);
    }
    return table;
  }

  // Ages as shares of the longest; two of one name stay two rows.
  function keyed(rows, keyOf) {
    const longest = Math.max(0, ...rows.map(row => row.age || 0)), seen = new Map();
    return rows.map(row => {
      const key = keyOf(row), times = (seen.get(key) || 0) + 1;
      seen.set(key, times);
      return { ...row, key: times > 1 ? `${key} #${times}` : key, share: longest > 0 ? (row.age || 0) / longest : 0 };
    });
  }

  const pathKey = row => row.stack.map(call => `${call.name} ${call.source}`).join("\n");

  return {
    async load() {
      const now = inFlightOf(await askJson("inflight"));
      const running = now.threads.map(thread => ({ thread: thread.name, here: thread.here, stack: thread.stack, age: thread.stack.at(-1)?.age ?? null }));
      requests.list.show(keyed(now.requests, row => row.name));
      threads.list.show(keyed(running, row => row.thread));
      suspended.list.show(keyed(now.suspended, pathKey));
      requests.number.textContent = count(now.requests.length + now.unlisted) + (now.unlisted > 0 ? `, ${count(now.unlisted)} not listed` : "");
      threads.number.textContent = count(running.length);
      suspended.number.textContent = count(now.suspended.reduce((sum, group) => sum + group.count, 0));
    },
  };
}
