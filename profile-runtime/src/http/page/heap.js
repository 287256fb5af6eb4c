// What holds the heap, by line, type and call path, and how it has grown.

const HEAP_ROWS = 500;
// The service takes no more snapshots than one a second; when it took the last is not known, only that it has answered.
const SNAPSHOTS_APART = 1050;
const HEAP_KEYS = [
  { id: "lineno", title: "Lines" },
  { id: "type", title: "Types" },
  { id: "path", title: "Call paths" },
  { id: "largest", title: "Largest" },
];

const signed = (n, text) => (n > 0 ? `+${text(n)}` : n < 0 ? `\u2212${text(-n)}` : "\u00b7");

function makeHeap(box, figuresBox) {
  // By key: the rows to compare with, whether they are all there were, and when they were got.
  const before = new Map(), latest = new Map();
  let chosen = HEAP_KEYS[0], filter = "", process = null, recording = "", age = 0, own = 0, isOn = false, hasEnded = false, answered = -Infinity;

  const keys = el("div"), query = el("input", "text"), since = el("span", "muted since"), note = el("p", "note");
  keys.id = "heap-keys";
  keys.setAttribute("role", "group");
  keys.setAttribute("aria-label", "Heap by");
  Object.assign(query, { id: "heap-query", type: "search", placeholder: "Filter  ( / )", autocomplete: "off", spellcheck: false });
  query.setAttribute("aria-label", "Filter rows of the heap");
  note.hidden = true;
  const mark = button("Compare with now", "Growth is told since now", () => {
    for (const [id, answer] of latest) before.set(id, pointOf(answer));
    status.say("Growth is told since now.");
    show();
  });
  mark.id = "mark";
  const bar = el("div", "bar"), tableBox = el("div");
  bar.append(keys, query, since, mark);
  const card = el("section", "card");
  card.setAttribute("aria-label", "Heap");
  card.append(bar, note, tableBox);
  box.replaceChildren(card);

  const tone = of => row => (of(row) > 0 ? ["grown"] : of(row) < 0 ? ["shrunk"] : []);
  const about = (row, text) => (row.isEstimate ? `~${text}` : text);
  const total = () => latest.get(chosen.id)?.total.bytes || 0;
  const least = row => (row.isAtLeast ? "\u2265\u00a0" : "");
  const unknown = "not known: this was not among the rows compared with, or these have just been got for the first time";
  const columns = [
    { id: "bytes", title: "live", meaning: "bytes not freed; ~ is estimated from a sample", value: row => row.bytes, text: row => about(row, bytes(row.bytes)),
      exact: row => `${UNITS.bytes.exact(row.bytes)}, ${percent(row.bytes, total())} of all`, share: row => (total() > 0 ? row.bytes / total() : 0) },
    { id: "growth", title: "growth", meaning: "bytes more than when the growth began to be told; \u2265: at least, since the row was not among those listed then",
      value: row => row.growth, text: row => (row.growth === null ? none : least(row) + signed(row.growth, bytes)),
      exact: row => (row.growth === null ? unknown : `${least(row)}${signed(row.growth, count).replace("\u00b7", "0")} bytes`), tone: tone(row => row.growth) },
    { id: "blocks", title: "blocks", meaning: "blocks not freed", value: row => row.blocks, text: row => about(row, count(row.blocks)), exact: row => counted(row.blocks, "block") },
    { id: "more", title: "more blocks", meaning: "blocks more than then", value: row => row.more, text: row => (row.more === null ? none : least(row) + signed(row.more, count)),
      exact: row => (row.more === null ? unknown : `${least(row)}${signed(row.more, count).replace("\u00b7", "0")} blocks`), tone: tone(row => row.more) },
    { id: "mean", title: "per block", meaning: "bytes by block", value: row => (row.blocks > 0 ? row.bytes / row.blocks : null),
      text: row => (row.blocks > 0 ? bytes(row.bytes / row.blocks) : none), exact: row => (row.blocks > 0 ? `${count(row.bytes / row.blocks)} bytes` : "no blocks") },
  ];
  const list = makeList(tableBox, {
    label: "What holds the heap", nameTitle: "place", nameMeaning: "what its blocks have in common", columns,
    sort: { id: "bytes", down: true }, nameOf, openTo,
    none: () => (filter ? "Nothing matches." : latest.has(chosen.id) ? "Nothing is held." : isOn ? "Asking the service\u2026" : "Nothing known yet: start a recording."),
  });

  function nameOf(row) {
    const text = row.name ?? row.key;
    if (chosen.id === "path") return [pathOf(text.split(" -> ").map(name => ({ name })))];
    const [, place, line] = /^(.*?)(:\d+)$/s.exec(text) || [null, text, ""];
    const first = el("bdi", "name", cut(line ? place.split("/").pop() + line : text));
    if (row.high) return [first, el("bdi", "source", `${cut(text)} \u00b7 blocks of ${bytes(row.low)} to ${bytes(row.high)}`)];
    return line && place.includes("/") ? [first, el("bdi", "source", cut(text))] : [first];
  }

  function openTo(row) {
    const facts = el("p", "facts");
    const parts = [`${UNITS.bytes.exact(row.bytes)} in ${counted(row.blocks, "block")}, ${percent(row.bytes, total())} of what is live`];
    if (row.isEstimate) parts.push(`estimated from ${counted(row.samples, "sample")}: between ${bytes(row.lower)} and ${bytes(row.upper)}`);
    if (row.growth !== null && before.has(chosen.id)) parts.push(`${row.isAtLeast ? "at least " : ""}${signed(row.growth, n => `${count(n)} bytes`).replace("\u00b7", "nothing")} since ${before.get(chosen.id).at}`);
    facts.textContent = `${parts.join(" \u00b7 ")}`;
    const whole = el("pre", "", row.traceback.length ? row.traceback.join("\n") : (row.name ?? row.key));
    return [whole, facts];
  }

  // What later answers are compared with.
  function pointOf(answer) {
    return {
      at: answer.at, rows: new Map(answer.rows.map(row => [row.key, row])), total: answer.total,
      floor: answer.other.rows > 0 && answer.rows.length ? answer.rows[answer.rows.length - 1] : null,
      isWhole: answer.other.rows === 0,
    };
  }

  function grownRows(answer) {
    const then = before.get(chosen.id);
    const rows = answer.rows.map(row => {
      const old = then && then.rows.get(row.key);
      if (old) return { ...row, growth: row.bytes - old.bytes, more: row.blocks - old.blocks, isAtLeast: false };
      if (then && then.isWhole) return { ...row, growth: row.bytes, more: row.blocks, isAtLeast: false };
      // It held no more than the least of the rows listed then; of its blocks nothing is known.
      if (then && then.floor && row.bytes >= then.floor.bytes) return { ...row, growth: row.bytes - then.floor.bytes, more: null, isAtLeast: true };
      return { ...row, growth: null, more: null, isAtLeast: false };
    });
    if (!then || answer.other.rows > 0) return rows;
    // Everything there is is listed: what is not has gone.
    const now = new Set(answer.rows.map(row => row.key));
    for (const [key, old] of then.rows) {
      if (!now.has(key)) rows.push({ ...old, bytes: 0, blocks: 0, lower: 0, upper: 0, traceback: [], growth: -old.bytes, more: -old.blocks, isAtLeast: false });
    }
    return rows;
  }

  function show() {
    keys.replaceChildren(...HEAP_KEYS.map(key => {
      const made = button(key.title, "", () => { chosen = key; show(); keys.querySelector("[aria-pressed=true]").focus(); refresher.now(); });
      made.dataset.id = key.id;
      made.setAttribute("aria-pressed", key === chosen);
      return made;
    }));
    const answer = latest.get(chosen.id), then = before.get(chosen.id);
    const notes = [];
    if (answer && hasEnded) notes.push(`The recording has ended: these are the last figures, of ${answer.at}.`);
    if (answer && answer.unnamed) notes.push(`Addresses instead of names: ${answer.unnamed}`);
    note.hidden = notes.length === 0;
    note.textContent = notes.join(" ");
    since.textContent = then ? `growth since ${then.at}` : "";
    mark.disabled = !answer;
    const lower = filter.toLowerCase();
    const rows = answer ? grownRows(answer).filter(row => (row.name ?? row.key).toLowerCase().includes(lower)) : [];
    list.show(rows);
    figures(answer, then);
  }

  function figures(answer, then) {
    const shown = [];
    if (answer && answer.total.bytes > 0) {
      shown.push(["recorded", bytes(answer.total.bytes), `${UNITS.bytes.exact(answer.total.bytes)} live in ${counted(answer.total.blocks, "block")}`]);
      if (then && then.total.bytes > 0) shown.push(["growth", signed(answer.total.bytes - then.total.bytes, bytes).replace("\u00b7", "0"), `since ${then.at}`]);
      if (answer.other.rows > 0) shown.push(["not listed", bytes(answer.other.bytes), `${counted(answer.other.rows, "row")} more`]);
    }
    const words = process ? process.explanation.join("\n") : "";
    if (isOn && own > 0) shown.push(["recording takes", bytes(own), UNITS.bytes.exact(own)]);
    for (const [term, value] of process ? [["RSS", process.rss], ["limit", process.limit]] : []) {
      if (value !== null && value > 0) shown.push([term, bytes(value), `${UNITS.bytes.exact(value)}\n${words}`]);
    }
    showFigures(figuresBox, shown);
  }

  query.addEventListener("input", () => { filter = query.value.trim(); show(); });
  query.addEventListener("keydown", event => {
    if (event.key !== "Escape" || !query.value) return;
    query.value = filter = "";
    show();
    event.preventDefault();
  });
  show();

  return {
    query,
    forget,
    async load(control) {
      try {
        await look(control);
      } finally {
        answered = performance.now();
      }
    },
  };

  async function look(control) {
    follow(control);
    show();
    const key = chosen;
    const hasRows = (control === null || isOn) && !(control && control.heap.mode === "counters");
    const soon = answered + SNAPSHOTS_APART - performance.now();
    if (soon > 0) await new Promise(done => { setTimeout(done, soon); });
    if (key.id === "largest" || !hasRows) {
      // Without a recording there is still the process.
      const answer = memoryOf(await askJson("memory", { limit: hasRows ? HEAP_ROWS : 1 }));
      process = answer.process;
      if (hasRows) remember(key, { rows: answer.largest, unnamed: answer.unnamed, total: { bytes: process.live || 0, blocks: 0 }, other: { rows: answer.largest.length === HEAP_ROWS ? 1 : 0, bytes: 0, blocks: 0 } });
    } else {
      remember(key, rowsOf(await askJson("tracemalloc", { key_type: key.id, limit: HEAP_ROWS })));
      // Of the process nothing is said here, and what was said before is old.
      process = null;
    }
    show();
  }

  // Rows of another recording are nothing to compare with; those of one that has ended are all there is.
  function forget() {
    before.clear();
    latest.clear();
    show();
  }

  function follow(control) {
    if (control === null) return;
    const { on, mode } = control.heap;
    [isOn, own] = [on, control.heap.own];
    if (on && recording !== "" && (hasEnded || mode !== recording || control.heap.age < age)) forget();
    if (on) [recording, age] = [mode, control.heap.age];
    hasEnded = !on && recording !== "";
  }

  function remember(key, answer) {
    const kept = { ...answer, at: clockTime(new Date()) };
    latest.set(key.id, kept);
    if (!before.has(key.id)) before.set(key.id, pointOf(kept));
  }
}
