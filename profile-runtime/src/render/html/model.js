// The data object with what the views look up in it. Knows nothing of the page.

const LONGEST = 300;

// Whole letters, not halves of a surrogate pair.
const cut = name => (name.length > LONGEST ? `${Array.from(name.slice(0, 2 * LONGEST)).slice(0, LONGEST).join("")}\u2026` : name);

function modelOf(data) {
  const { functions, files, edges, paths } = data;
  const names = functions.name.map(name => name.trim() || "(unnamed)");
  const full = names.map((_, i) => {
    const file = files[functions.file[i]];
    return file === "~" && functions.line[i] === 0 ? "" : `${file}:${functions.line[i]}`;
  });
  // What a link holds: the function by name, so that it outlives this data.
  const seen = new Map();
  const keys = names.map((name, i) => {
    const key = `${name} ${full[i]}`.trim();
    const times = (seen.get(key) || 0) + 1;
    seen.set(key, times);
    return times > 1 ? `${key} #${times}` : key;
  });
  const byKey = new Map(keys.map((key, i) => [key, i]));
  const compare = (a, b) => (names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b);
  const rank = new Int32Array(names.length);
  names.map((_, i) => i).sort(compare).forEach((f, place) => { rank[f] = place; });
  const callers = names.map(() => []);
  const callees = names.map(() => []);
  edges.caller.forEach((caller, e) => {
    callers[edges.callee[e]].push(e);
    callees[caller].push(e);
  });
  return {
    data, names, keys, byKey, rank, callers, callees,
    rows: functions.calls.length,
    short: names.map(cut),
    sources: full.map(cut),
    searched: names.map((name, i) => `${name} ${full[i]}`),
    metrics: metricsOf(paths),
  };
}

// What widths can stand for in this data: the value of each path, in the metric's unit.
function metricsOf(paths) {
  const n = paths.function.length;
  const column = key => Float64Array.from(paths[key] || { length: n }, value => value || 0);
  const metrics = [];
  const add = (id, title, unit, hue, values, waits) => {
    if (values.some(value => value > 0) || (waits && waits.some(value => value > 0))) {
      metrics.push({ id, title, unit, hue, values, waits });
    }
  };
  const busy = column("busy_ns"), wait = column("await_ns");
  if (wait.some(value => value > 0)) {
    // Await stands beside busy time as a frame of its own, in its own hue.
    add("task", "Task time", "ns", "warm", busy, wait);
    add("busy", "Busy", "ns", "warm", busy);
    add("await", "Await", "ns", "cool", wait);
  } else {
    add("busy", "Time", "ns", "warm", busy);
  }
  add("calls", "Calls", "calls", "green", column("calls"));
  add("allocated", "Allocated", "bytes", "violet", column("allocated_bytes"));
  add("live", "Live", "bytes", "violet", column("live_bytes"));
  return metrics;
}

// Which functions match; null when all do. Throws on a pattern that is none.
function matchesOf(model, query, isRegex) {
  if (query === "") return null;
  const pattern = isRegex ? new RegExp(query, "i") : null;
  const text = query.toLowerCase();
  return Uint8Array.from(model.searched, name => (
    pattern ? pattern.test(name) : name.toLowerCase().includes(text)) ? 1 : 0);
}
