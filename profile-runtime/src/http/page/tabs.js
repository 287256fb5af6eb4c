// The three parts of the page. The address says which is shown, and each keeps its place.

const TABS = ["time", "heap", "inflight"];

function makeTabs(onShow) {
  const places = { time: { hash: "#", y: 0 }, heap: { hash: "#heap", y: 0 }, inflight: { hash: "#inflight", y: 0 } };
  let shown = "";

  const named = () => (TABS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "time");

  function route() {
    const id = named();
    if (id === "time") places.time.hash = location.hash || "#";
    if (id === shown) return;
    if (shown) places[shown].y = scrollY;
    shown = id;
    for (const tab of TABS) {
      const isShown = tab === id;
      $(tab).hidden = !isShown;
      $(`tab-${tab}`).setAttribute("aria-selected", isShown);
      $(`tab-${tab}`).tabIndex = isShown ? 0 : -1;
    }
    scrollTo(0, places[id].y);
    onShow(id);
  }

  function go(id) {
    if (id === named()) return;
    if (shown === "time") places.time.hash = location.hash || "#";
    // What was selected is selected again.
    history.pushState(null, "", id === "time" ? places.time.hash : `#${id}`);
    dispatchEvent(new PopStateEvent("popstate"));
  }

  for (const [i, id] of TABS.entries()) {
    const tab = $(`tab-${id}`);
    tab.addEventListener("click", () => go(id));
    tab.addEventListener("keydown", event => {
      const to = { ArrowLeft: i + TABS.length - 1, ArrowRight: i + 1, Home: 0, End: TABS.length - 1 };
      if (!Object.hasOwn(to, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
      go(TABS[to[event.key] % TABS.length]);
      $(`tab-${TABS[to[event.key] % TABS.length]}`).focus();
      event.preventDefault();
    });
  }
  addEventListener("hashchange", route);
  addEventListener("popstate", route);
  return { route, go, shown: () => shown };
}
