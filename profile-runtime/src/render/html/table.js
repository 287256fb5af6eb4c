// The table of functions: which columns there are, their order, and moving about in it.

const STEP = 200;

// What the mark before a name says, in the words of the text report.
const THROTTLED = "many and short: one call of many is timed; counts are exact, times estimated";

const time = (id, title, key, meaning) => ({ id, title, unit: "ns", key, meaning });
const tally = (id, title, key, meaning, unit = "count") => ({ id, title, unit, key, meaning });

const COLUMNS = [
  tally("calls", "calls", "calls", "calls begun; all/not recursive where they differ", "calls"),
  time("self", "self", "self_ns", "in the function itself"),
  time("cumulative", "cumulative", "cumulative_ns", "in the function and all that it called"),
  { id: "per_call", title: "per call", unit: "ns", key: "cumulative_ns", meaning: "cumulative by calls that are not recursive",
    of: (f, i) => (f.primitive[i] > 0 ? f.cumulative_ns[i] / f.primitive[i] : null) },
  time("p50", "p50", "p50_ns", "half of the finished calls took no longer"),
  time("p95", "p95", "p95_ns", "95 of 100 finished calls took no longer"),
  time("p99", "p99", "p99_ns", "99 of 100 finished calls took no longer"),
  time("max", "max", "max_ns", "the longest finished call"),
  time("busy", "busy", "busy_ns", "of self, on a CPU or blocked"),
  time("await", "await", "await_ns", "of self, suspended at an await"),
  tally("polls", "polls", "polls", "polls of the function's futures"),
  time("longest_poll", "long poll", "longest_poll_ns", "the longest single poll, callees included"),
  tally("in_flight", "in flight", "in_flight", "calls begun and not ended"),
  tally("panicked", "panicked", "panicked", "calls that ended by unwinding"),
  tally("cancelled", "cancelled", "cancelled", "futures dropped before completion"),
  tally("allocations", "allocs", "allocations", "blocks allocated by the function itself"),
  tally("allocated", "allocated", "allocated_bytes", "bytes in them", "bytes"),
  tally("live_blocks", "live blocks", "live_blocks", "blocks of those not yet freed"),
  tally("live", "live", "live_bytes", "bytes of those not yet freed", "bytes"),
  tally("cumulative_allocations", "cum. allocs", "cumulative_allocations", "blocks allocated by the function and all that it called"),
  tally("cumulative_allocated", "cum. allocated", "cumulative_allocated_bytes", "bytes in them", "bytes"),
  tally("cumulative_live_blocks", "cum. live blocks", "cumulative_live_blocks", "blocks of those not yet freed"),
  tally("cumulative_live", "cum. live", "cumulative_live_bytes", "bytes of those not yet freed", "bytes"),
  tally("samples", "samples", "heap_samples", "sampled blocks from which the function's figures of the heap are estimated: of 100 the error is some 10%"),
  time("cost", "cost", "cost_ns", "spent by the profiler itself; ! where it is above 10% of self: do not trust that self time"),
];

function callsText(all, primitive) {
  return all === primitive ? count(all) : `${count(all)}/${count(primitive)}`;
}

// A cell with its exact number as a title, and a bar behind for its share of a whole.
function cell(tag, text, exact, share) {
  const td = el(tag, "", text);
  td.title = exact;
  if (share > 0) td.style.setProperty("--share", `${(100 * Math.min(1, share)).toFixed(1)}%`);
  return td;
}

function makeTable({ box, head, body, more, shown, showMore, showAll, meanings }, onSelect) {
  const sort = { id: "cumulative", down: true };
  let model, columns = [], matches = null, selected = -1, listed = [], limit = STEP, rows = new Map();

  const value = (column, i) => (column.of || ((f, at) => f[column.key][at]))(model.data.functions, i);

  const heading = (id, title, meaning) => sortHeading(id, title, meaning, sort, arrange);

  // Made anew only for other columns, so that the focus stays where it is.
  function headings() {
    const ids = ["name", ...columns.map(column => column.id)];
    if (Array.from(head.querySelectorAll("th"), th => th.dataset.id).join() === ids.join()) return;
    const focused = head.contains(document.activeElement) && document.activeElement.parentElement.dataset.id;
    head.replaceChildren(el("tr"));
    head.firstChild.append(heading("name", "function", "name, and where it is"),
      ...columns.map(column => heading(column.id, column.title, column.meaning)));
    const marks = model.data.functions.untimed_calls ? [{ title: "*", meaning: THROTTLED }] : [];
    meanings.replaceChildren(...columns.concat(marks).flatMap(it => [el("dt", "", it.title), el("dd", "", it.meaning)]));
    if (focused) Array.from(head.querySelectorAll("th")).find(th => th.dataset.id === focused)?.firstChild.focus();
  }

  function rowOf(i) {
    if (rows.has(i)) return rows.get(i);
    const { functions } = model.data, tr = el("tr");
    tr.dataset.i = i;
    tr.tabIndex = -1;
    const name = el("th");
    name.scope = "row";
    name.title = `${model.short[i]}\n${model.sources[i]}`;
    if (functions.untimed_calls?.[i] > 0) {
      name.className = "throttled";
      name.title += `\n* ${THROTTLED}`;
    }
    name.append(el("bdi", "name", model.short[i]), el("bdi", "source", model.sources[i]));
    tr.append(name);
    for (const column of columns) {
      const number = value(column, i), unit = UNITS[column.unit];
      let text = unit.text(number), exact = unit.exact(number), share = 0;
      if (column.id === "calls") {
        text = callsText(number, functions.primitive[i]);
        if (number !== functions.primitive[i]) exact += `, ${count(functions.primitive[i])} not recursive`;
      } else if (column.id === "self" || column.id === "cumulative") {
        share = number / model.data.ns;
        exact += `, ${percent(number, model.data.ns)} of all`;
      } else if (column.id === "cost" && functions.cost_matters[i]) {
        text += "\u00a0!";
        exact += ", above 10% of self: do not trust that self time";
      }
      const td = cell("td", text, exact, share);
      td.dataset.id = column.id;
      if (column.id === "cost" && functions.cost_matters[i]) td.className = "warn";
      tr.append(td);
    }
    rows.set(i, tr);
    return tr;
  }

  function arrange() {
    const all = Array.from({ length: model.rows }, (_, i) => i).filter(i => !matches || matches[i]);
    const column = columns.find(c => c.id === sort.id);
    if (column) {
      const values = Array.from({ length: model.rows }, (_, i) => value(column, i));
      // What has no number stands last either way; equal ones in order of first call.
      all.sort((a, b) => (values[a] === null) - (values[b] === null)
        || (sort.down ? values[b] - values[a] : values[a] - values[b]) || a - b);
    } else {
      all.sort((a, b) => (sort.down ? -1 : 1) * (model.rank[a] - model.rank[b]));
    }
    listed = all;
    markSorted(head, sort);
    fill();
  }

  function fill() {
    const focused = body.contains(document.activeElement) ? Number(document.activeElement.dataset.i) : -1;
    const visible = listed.slice(0, limit);
    body.replaceChildren(...visible.map(rowOf));
    const stop = visible.includes(focused) ? focused : visible.includes(selected) ? selected : visible[0];
    for (const i of visible) {
      const tr = rows.get(i);
      tr.tabIndex = i === stop ? 0 : -1;
      tr.setAttribute("aria-selected", i === selected);
    }
    if (focused >= 0 && focused === stop) rows.get(focused).focus({ preventScroll: true });
    const hidden = listed.length - visible.length;
    more.hidden = hidden === 0 && listed.length > 0;
    shown.textContent = listed.length === 0 ? "No function matches." : `${count(visible.length)} of ${count(listed.length)} shown.`;
    showMore.hidden = hidden <= STEP;
    showMore.textContent = `${STEP} more`;
    showAll.hidden = hidden === 0;
    showAll.textContent = "Show all";
  }

  function move(event) {
    const tr = event.target.closest("tr");
    if (!tr || moveInRows(event, Array.from(body.children), tr)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      box.scrollLeft += event.key === "ArrowLeft" ? -80 : 80;
    } else if (event.key === "Enter" || event.key === " ") {
      onSelect(Number(tr.dataset.i));
    } else {
      return;
    }
    event.preventDefault();
  }

  body.addEventListener("click", event => {
    const tr = event.target.closest("tr");
    if (tr && getSelection().isCollapsed) onSelect(Number(tr.dataset.i));
  });
  body.addEventListener("keydown", move);
  showMore.addEventListener("click", () => { limit += STEP; fill(); });
  showAll.addEventListener("click", () => { limit = Infinity; fill(); });

  return {
    show(newModel) {
      const focused = body.contains(document.activeElement) && model.keys[Number(document.activeElement.dataset.i)];
      [model, rows] = [newModel, new Map()];
      columns = COLUMNS.filter(column => model.data.functions[column.key]);
      headings();
      if (sort.id !== "name" && !columns.some(column => column.id === sort.id)) sort.id = "cumulative";
      arrange();
      const again = model.byKey.get(focused);
      if (rows.has(again)) rows.get(again).focus({ preventScroll: true });
    },
    filter(newMatches) {
      matches = newMatches;
      arrange();
      return listed.length;
    },
    // Marks a function; `reveal` brings its row into the box, without moving the page.
    select(i, reveal) {
      selected = i;
      const place = listed.indexOf(i);
      if (reveal && place >= limit) limit = place + 1;
      fill();
      if (place < 0 || !reveal) return;
      const tr = rows.get(i), top = tr.offsetTop - head.offsetHeight;
      if (top < box.scrollTop) box.scrollTop = top;
      const below = tr.offsetTop + tr.offsetHeight - box.clientHeight;
      if (below > box.scrollTop) box.scrollTop = below;
    },
  };
}
