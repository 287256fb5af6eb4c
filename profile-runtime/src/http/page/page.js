// The live page: puts the parts together.

let control = null;

function failed(what, problem) {
  if (!(problem instanceof Problem)) throw problem;
  status.failed(what, problem.message);
  if (problem.status === 401 && $("token").hidden) {
    $("token").hidden = false;
    $("token-text").focus();
  }
  return problem.retryAfter;
}

// Asks for one thing and shows it; seconds after which to try again, where the service said so.
async function attempt(what, asking) {
  try {
    await asking();
    status.worked(what);
    $("token").hidden = true;
    return 0;
  } catch (problem) {
    return failed(what, problem);
  }
}

const heap = makeHeap($("heap-view"), $("heap-figures"));
const inFlight = makeInFlight($("inflight"));
const timeRecording = makeTimeRecording($("time-recording"), changed);
const heapRecording = makeHeapRecording($("heap-recording"), verb => {
  if (verb === "reset") heap.forget();
  return changed();
});

// What was done is seen at once, whatever else is being asked meanwhile.
async function changed() {
  await attempt("control", loadControl);
  refresher.now();
}

async function loadControl() {
  control = controlOf(await askJson("control"));
  showControl();
}

function showControl() {
  timeRecording.show(control && control.time);
  heapRecording.show(control && control.heap);
  for (const id of ["time", "heap"]) {
    const isOn = control !== null && control[id].on;
    $(`dot-${id}`).className = `dot ${isOn ? "on" : ""}`;
    $(`tab-${id}`).title = control === null ? "" : isOn ? "is being recorded" : "is not being recorded";
  }
}

async function load() {
  const shown = tabs.shown();
  const first = await attempt("control", loadControl);
  const show = {
    time: async () => render(await askJson("page.json")),
    heap: () => heap.load(control),
    inflight: () => inFlight.load(),
  }[shown];
  const start = performance.now();
  const second = await attempt(shown, show);
  const isFine = !document.body.classList.contains("is-stale");
  if (isFine) status.updated(clockTime(new Date()), `answered in ${duration((performance.now() - start) * 1e6)}`);
  return Math.max(first, second);
}

const tabs = makeTabs(() => refresher.now());
const refresher = makeRefresher(load);

$("host").textContent = location.host;
$("token").addEventListener("submit", event => {
  event.preventDefault();
  token.set($("token-text").value.trim());
  $("token-text").value = "";
  refresher.now();
});
$("forget").addEventListener("click", () => {
  token.set("");
  $("keys").close();
  status.say("The token is forgotten.");
});

function help() {
  $("forget").hidden = token.value === "";
  $("keys").showModal();
}

$("help").addEventListener("click", help);
addEventListener("keydown", event => {
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  const keys = {
    1: () => tabs.go("time"), 2: () => tabs.go("heap"), 3: () => tabs.go("inflight"),
    r: () => refresher.now(), p: () => refresher.toggle(), "?": help,
    "/": () => tabs.shown() === "heap" && heap.query.focus(),
  };
  // The functions have their own search.
  if (!Object.hasOwn(keys, event.key) || event.key === "/" && tabs.shown() !== "heap") return;
  keys[event.key]();
  event.preventDefault();
});
showControl();
tabs.route();
