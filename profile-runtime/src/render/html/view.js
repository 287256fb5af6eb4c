// Where time goes: puts the parts together. render(data) may be called again with newer data; the reader's place stays.

const $ = id => document.getElementById(id);
const state = { model: null, metric: "", matches: null, selected: -1 };

const flame = makeFlame({
  box: $("flame"), canvas: $("canvas"), spacer: $("spacer"), tip: $("tip"), status: $("frame"), reset: $("reset"),
}, go);
const table = makeTable({
  box: $("table-box"), head: $("head"), body: $("body"), more: $("more"), shown: $("shown"),
  showMore: $("show-more"), showAll: $("show-all"), meanings: $("meanings"),
}, go);
const detail = makeDetail($("detail"), close);

// Terms with their figures, and the exact ones as titles.
function showFigures(box, list) {
  box.replaceChildren(...list.map(([term, text, exact]) => {
    const figure = el("div");
    figure.title = exact;
    figure.append(el("dt", "", term), el("dd", "", text));
    return figure;
  }));
}

function figures(data) {
  const list = [
    ["calls", count(data.calls), data.calls === data.primitive_calls ? "" : `${count(data.primitive_calls)} not recursive`],
    ["functions", count(state.model.rows), ""],
    ["in them", duration(data.ns), UNITS.ns.exact(data.ns)],
  ];
  if (data.wall_ns > 0) list.push(["wall time", duration(data.wall_ns), UNITS.ns.exact(data.wall_ns)]);
  if (data.threads > 0) list.push([data.threads === 1 ? "thread" : "threads", count(data.threads), ""]);
  showFigures($("figures"), list);
  $("notes").replaceChildren(...data.notes.map(note => el("li", "", note)));
  $("notes").hidden = data.notes.length === 0;
}

function metricButtons() {
  const { metrics } = state.model;
  if (!metrics.some(metric => metric.id === state.metric)) state.metric = metrics.length ? metrics[0].id : "";
  const focused = $("metrics").contains(document.activeElement) && document.activeElement.dataset.id;
  $("metrics").replaceChildren(...metrics.map(metric => {
    const button = el("button", "", metric.title);
    button.type = "button";
    button.dataset.id = metric.id;
    button.setAttribute("aria-pressed", metric.id === state.metric);
    button.addEventListener("click", () => {
      state.metric = metric.id;
      metricButtons();
      say();
    });
    return button;
  }));
  const metric = metrics.find(m => m.id === state.metric);
  $("graph").hidden = !metric;
  if (focused) (Array.from($("metrics").children).find(button => button.dataset.id === focused) || $("metrics").firstChild)?.focus();
  if (metric) flame.show(state.model, metric);
}

function search() {
  const input = $("query"), isRegex = $("regex").getAttribute("aria-pressed") === "true";
  let problem = false;
  try {
    state.matches = matchesOf(state.model, input.value, isRegex);
  } catch {
    state.matches = null;
    problem = true;
  }
  input.setAttribute("aria-invalid", problem);
  state.found = table.filter(state.matches);
  flame.mark(state.matches, state.selected);
  say();
}

function say() {
  const metric = state.model.metrics.find(m => m.id === state.metric);
  $("matched").textContent = $("query").getAttribute("aria-invalid") === "true" ? "not a regular expression"
    : !state.matches ? ""
    : `${count(state.found)} of ${counted(state.model.rows, "function")}`
      + (metric ? `, ${flame.share()} of ${flame.isZoomed() ? "the view's " : ""}${metric.title.toLowerCase()}` : "");
}

// The address says which function is selected, so that back and forward work and links can be kept.
function go(i) {
  const hash = `#f=${encodeURIComponent(state.model.keys[i])}`;
  if (location.hash === hash) route(true);
  else location.hash = hash;
}

function close() {
  // NOTE: an empty hash by assignment would scroll the page to its top.
  history.pushState(null, "", "#");
  route(true);
}

// What the address says; `reveal` is whether to bring it into sight.
function route(reveal) {
  let key = "";
  try {
    key = location.hash.startsWith("#f=") ? decodeURIComponent(location.hash.slice(3)) : "";
  } catch { /* not one of our links */ }
  const i = state.model.byKey.has(key) ? state.model.byKey.get(key) : -1;
  const focused = $("detail").contains(document.activeElement) ? document.activeElement : null;
  state.selected = i;
  detail.show(state.model, i, !reveal);
  table.select(i, reveal);
  flame.mark(state.matches, i);
  if (!focused) return;
  // Newer figures keep the focus where it is; another function begins at its first link.
  const same = reveal ? null : focused.matches(".close") ? $("detail").querySelector(".close")
    : Array.from($("detail").querySelectorAll(".edges a")).find(a => a.hash === focused.hash);
  (same || $("detail").querySelector(".edges a, .close") || $("body").querySelector("[tabindex='0']") || document.body).focus({ preventScroll: true });
}

function render(data) {
  const isFirst = state.model === null;
  state.model = modelOf(data);
  const isEmpty = data.paths.function.length === 0;
  $("empty").hidden = !isEmpty;
  $("view").hidden = isEmpty;
  figures(data);
  table.show(state.model);
  metricButtons();
  search();
  route(isFirst);
}

// Where a letter is a letter and no shortcut.
function isTyping(target) {
  return target.matches("input, select, textarea");
}

flame.onView = say;
$("query").addEventListener("input", search);
$("regex").addEventListener("click", () => {
  $("regex").setAttribute("aria-pressed", $("regex").getAttribute("aria-pressed") !== "true");
  search();
});
for (const name of ["hashchange", "popstate"]) addEventListener(name, () => state.model && route(true));
addEventListener("keydown", event => {
  // Not while another part of the page is shown.
  if (!state.model || !$("query").offsetParent) return;
  if (event.key === "/" && !isTyping(event.target) && !event.ctrlKey && !event.metaKey) {
    $("query").focus();
    event.preventDefault();
  } else if (event.key === "Escape" && event.target === $("query") && $("query").value) {
    $("query").value = "";
    search();
    event.preventDefault();
  } else if (event.key === "Escape" && state.selected >= 0) {
    close();
  }
});
