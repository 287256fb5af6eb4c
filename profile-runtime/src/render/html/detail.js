// Who called a function and whom it called, in the panel at the foot of the page.

function makeDetail(panel, onClose) {
  function link(model, i) {
    const a = el("a");
    a.href = `#f=${encodeURIComponent(model.keys[i])}`;
    a.title = model.short[i];
    a.append(el("bdi", "name", model.short[i]), el("bdi", "source", model.sources[i]));
    return a;
  }

  // Edges as a table, the dearest first.
  function edgesOf(model, title, list, other, whole, outside) {
    const { edges } = model.data;
    const section = el("div", "edges");
    const table = el("table");
    table.append(el("caption", "", title));
    const head = el("tr");
    for (const text of ["function", "calls", "self", "cumulative"]) {
      const th = el("th", "", text);
      th.scope = "col";
      head.append(th);
    }
    const top = el("thead"), body = el("tbody");
    top.append(head);
    const sorted = list.slice().sort((a, b) => edges.cumulative_ns[b] - edges.cumulative_ns[a]
      || model.rank[other[a]] - model.rank[other[b]]);
    for (const e of sorted) {
      const tr = el("tr"), name = el("th");
      name.scope = "row";
      name.append(link(model, other[e]));
      const calls = edges.calls[e], primitive = edges.primitive[e], cumulative = edges.cumulative_ns[e];
      tr.append(name,
        cell("td", callsText(calls, primitive), counted(calls, "call") + (calls === primitive ? "" : `, ${count(primitive)} not recursive`)),
        cell("td", duration(edges.self_ns[e]), UNITS.ns.exact(edges.self_ns[e])),
        cell("td", duration(cumulative), `${UNITS.ns.exact(cumulative)}, ${percent(cumulative, whole)} of the function's`, cumulative / whole));
      body.append(tr);
    }
    if (outside > 0) {
      const tr = el("tr", "outside"), name = el("th", "", "(no caller)");
      name.scope = "row";
      tr.append(name, cell("td", count(outside), counted(outside, "call")), el("td"), el("td"));
      body.append(tr);
    }
    if (body.children.length === 0) {
      const tr = el("tr", "outside"), td = el("td", "", "none");
      td.colSpan = 4;
      tr.append(td);
      body.append(tr);
    }
    table.append(top, body);
    section.append(table);
    return section;
  }

  return {
    // `stay` is true where the same function is shown with newer figures.
    show(model, i, stay) {
      const top = panel.scrollTop;
      panel.hidden = i < 0;
      document.body.classList.toggle("has-detail", i >= 0);
      if (i < 0) return panel.replaceChildren();
      const { functions, edges } = model.data;
      const hasRow = i < model.rows;
      const bar = el("div", "bar"), title = el("h2");
      title.append(el("bdi", "name", model.names[i]), el("bdi", "source", model.sources[i]));
      const close = el("button", "close", "\u00d7");
      close.type = "button";
      close.title = "Close (Escape)";
      close.setAttribute("aria-label", "Close");
      close.addEventListener("click", onClose);
      bar.append(title, close);
      const whole = hasRow ? functions.cumulative_ns[i] : 0;
      const summary = el("p", "summary", hasRow
        ? `${callsText(functions.calls[i], functions.primitive[i])} calls \u00b7 self ${duration(functions.self_ns[i])} (${percent(functions.self_ns[i], model.data.ns)}) \u00b7 cumulative ${duration(whole)} (${percent(whole, model.data.ns)})`
        : "No calls of its own were counted.");
      const fromCallers = model.callers[i].reduce((sum, e) => sum + edges.calls[e], 0);
      const outside = hasRow ? functions.calls[i] - fromCallers : 0;
      const both = el("div", "both");
      both.append(edgesOf(model, "Callers", model.callers[i], edges.caller, whole, outside),
        edgesOf(model, "Callees", model.callees[i], edges.callee, whole, 0));
      panel.replaceChildren(bar, summary, both);
      panel.scrollTop = stay ? top : 0;
    },
  };
}
