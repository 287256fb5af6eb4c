// When the service is asked again: by hand, and every so often while somebody looks.

const INTERVALS = [["0", "by hand"], ["1", "every 1 s"], ["2", "every 2 s"], ["5", "every 5 s"], ["15", "every 15 s"], ["60", "every 60 s"]];

const pad = n => String(n).padStart(2, "0");
const clockTime = date => `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;

// `load()` asks for what is shown, and never throws; it answers seconds after which to ask again whatever was chosen, or 0.
function makeRefresher(load) {
  let timer = 0, under = null, again = false, paused = "5";
  const every = $("every");
  every.append(...select("", INTERVALS, "5").children);
  every.value = "5";

  const next = (wait) => {
    clearTimeout(timer);
    if (wait > 0) timer = setTimeout(tick, wait);
  };

  function tick() {
    // Nobody looks, or somebody is copying text: no reason to ask the service, or to take the text away.
    if (document.hidden || !getSelection().isCollapsed) return next(1000);
    now();
  }

  async function now() {
    if (under) {
      again = true;
      return under;
    }
    clearTimeout(timer);
    const start = performance.now();
    $("refresh").setAttribute("aria-busy", "true");
    under = load();
    const wait = await under;
    under = null;
    $("refresh").removeAttribute("aria-busy");
    const took = performance.now() - start;
    if (again) {
      again = false;
      return now();
    }
    // No more than a fifth of the time is spent on asking, however long the answers take.
    const chosen = Number(every.value) * 1000;
    next(wait > 0 ? Math.max(wait * 1000, 200) : chosen > 0 ? Math.max(chosen, 4 * took) : 0);
  }

  function toggle() {
    if (every.value === "0") every.value = paused;
    else [paused, every.value] = [every.value, "0"];
    status.say(every.value === "0" ? "Refreshed by hand." : `Refreshed ${every.selectedOptions[0].textContent}.`);
    next(Number(every.value) * 1000);
  }

  every.addEventListener("change", () => next(Number(every.value) * 1000));
  $("refresh").addEventListener("click", now);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && every.value !== "0") now(); });
  return { now, toggle };
}
