// The page: puts the parts together. render(data) may be called again with newer data; the reader's place stays.

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

function figures(data) {
  const list = [
    ["calls", count(data.calls), data.calls === data.primitive_calls ? "" : `${count(data.primitive_calls)} not recursive`],
    ["functions", count(state.model.rows), ""],
    ["in them", duration(data.ns), UNITS.ns.exact(data.ns)],
  ];
  if (data.wall_ns > 0) list.push(["wall time", duration(data.wall_ns), UNITS.ns.exact(data.wall_ns)]);
  if (data.threads > 0) list.push([data.threads === 1 ? "thread" : "threads", count(data.threads), ""]);
  $("figures").replaceChildren(...list.map(([term, text, exact]) => {
    const box = el("div");
    box.title = exact;
    box.append(el("dt", "", term), el("dd", "", text));
    return box;
  }));
  $("notes").replaceChildren(...data.notes.map(note => el("li", "", note)));
  $("notes").hidden = data.notes.length === 0;
}

function metricButtons() {
  const { metrics } = state.model;
  if (!metrics.some(metric => metric.id === state.metric)) state.metric = metrics.length ? metrics[0].id : "";
  const focused = $("metrics").contains(document.activeElement);
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
  if (focused) $("metrics").querySelector("[aria-pressed=true]").focus();
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
  if (location.hash === hash) route();
  else location.hash = hash;
}

function close() {
  // NOTE: an empty hash by assignment would scroll the page to its top.
  history.pushState(null, "", "#");
  route();
}

function route() {
  let key = "";
  try {
    key = location.hash.startsWith("#f=") ? decodeURIComponent(location.hash.slice(3)) : "";
  } catch { /* not one of our links */ }
  const i = state.model.byKey.has(key) ? state.model.byKey.get(key) : -1;
  const hadFocus = $("detail").contains(document.activeElement);
  state.selected = i;
  detail.show(state.model, i);
  table.select(i);
  flame.mark(state.matches, i);
  if (hadFocus) ($("detail").querySelector(".edges a, .close") || $("body").querySelector("[tabindex='0']") || document.body).focus({ preventScroll: true });
}

function render(data) {
  state.model = modelOf(data);
  const isEmpty = data.paths.function.length === 0;
  $("empty").hidden = !isEmpty;
  $("main").hidden = isEmpty;
  figures(data);
  table.show(state.model);
  metricButtons();
  search();
  route();
}

flame.onView = say;
$("query").addEventListener("input", search);
$("regex").addEventListener("click", () => {
  $("regex").setAttribute("aria-pressed", $("regex").getAttribute("aria-pressed") !== "true");
  search();
});
addEventListener("hashchange", route);
addEventListener("popstate", route);
addEventListener("keydown", event => {
  if (event.key === "/" && event.target !== $("query") && !event.ctrlKey && !event.metaKey) {
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

globalThis.profileCost = { render };
render(JSON.parse($("data").textContent));
