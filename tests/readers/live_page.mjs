// Uses the live page as a person does, in headless Chromium, and compares what it shows with what the service answers:
// node live_page.mjs CONFIGURATION.json. Says on stdout what it compared; on the first difference prints it and ends with
// status 1.
//
// The configuration: `url`, the page; `below`, other addresses of it; `guarded` and `token`, a service that wants one;
// `names`, hostile ones; `known`, functions by name with the calls that were made of them; `busy`, a function that goes on
// being called; `shots`, a folder for pictures. What the service at `url` does not offer (404) is answered here.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { browser } from "./browser.mjs";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));

let compared = 0;
const same = (have, want, what) => {
  compared++;
  assert.deepEqual(have, want, what);
};
const holds = (is, what) => {
  compared++;
  assert.ok(is, what);
};

// ---- answers made here ----

const stack = [["serve", "src/main.rs", 31, 8.2e9], ["list_orders", "src/orders.rs", 40, 1.25e9], ["Pool::query", "src/pool.rs", 61, 4e8]]
  .map(([name, file, line, since_ns]) => ({ function: name, file, line, since_ns }));

// A service as the page sees it, with what it was asked.
function imagined() {
  const state = { time: true, heap: "exact:25", turn: 0, asked: [] };
  const row = (name, bytes, blocks) => ({ name, bytes, blocks, lower_bytes: Math.round(bytes * 0.9), upper_bytes: Math.round(bytes * 1.1), is_estimate: state.heap.startsWith("sample"), samples: 40 });
  const rows = {
    lineno: () => [row("src/orders.rs:59", 3e7 + 1e6 * state.turn, 4760 + state.turn), row("src/pool.rs:39", 6.7e6 - 1000 * state.turn, 470), row("src/json.rs:70", 1.2e6, 12034)],
    type: () => [row("Vec<orders::Offer>", 3e7 + 1e6 * state.turn, 4760), row("String", 6.7e6, 9540)],
    path: () => [row("serve -> list_orders -> Pool::query", 2e7 + state.turn, 3000), row("serve", 2e5, 30)],
  };
  return {
    state,
    answer(method, path, query) {
      state.asked.push([method, path, Object.fromEntries(query)]);
      const json = value => ({ status: 200, contentType: "application/json", body: JSON.stringify(value) });
      const refuse = (status, body) => ({ status, contentType: "text/plain", body });
      if (path === "control") {
        return json({
          time: { is_recording: state.time, ends_in_ns: null },
          heap: { mode: state.heap, is_recording: state.heap !== "off", is_installed: true, ends_in_ns: state.heap === "off" ? null : 42e9, recorded_ns: 1e9 * ++state.turn },
        });
      }
      if (path === "control/time/start" || path === "control/time/stop") { state.time = path.endsWith("start"); return json({}); }
      if (path === "control/heap/start") {
        const mode = query.get("mode");
        state.heap = mode === "exact" ? `exact:${query.get("frames")}` : mode === "sample" ? `sample:${query.get("rate") / 1024}KiB` : mode;
        return json({});
      }
      if (path === "control/heap/stop") { state.heap = "off"; return json({}); }
      if (path.endsWith("/reset")) return json({});
      if (path === "tracemalloc") {
        if (state.heap === "off") return refuse(409, "the heap is not being recorded");
        const all = rows[query.get("key_type")]();
        return json({
          top_result: all.map((r, i) => ({ desc: `#${i + 1}: ${r.name}`, traceback: query.get("key_type") === "lineno" ? [`  File "${r.name.split(":")[0]}", line ${r.name.split(":")[1]}`] : [] })),
          other_result: "Total 0, other: 0 KiB", total_size: "1 KiB", key_type: query.get("key_type"), mode: state.heap, unnamed: null, rows: all,
          other: { rows: 0, bytes: 0, blocks: 0 }, total: row("", all.reduce((sum, r) => sum + r.bytes, 0), all.reduce((sum, r) => sum + r.blocks, 0)),
        });
      }
      if (path === "memory") {
        return json({
          mode: state.heap, types: [], unnamed: null, largest: rows.lineno().map(r => ({ ...r, size_low_bytes: 4096, size_high_bytes: 8191 })),
          process: { live_bytes: 4e7, live_blocks: 10, peak_bytes: 6e7, profiler_bytes: 3e6, rss_bytes: 1.2e8, cgroup_limit_bytes: 5e8, cgroup_used_bytes: 1e8, explanation: ["live 38 MiB of 114 MiB"] },
        });
      }
      if (path === "inflight") {
        return json({
          threads: [{ name: "worker-1", here_ns: 4e8, stack }, { name: "worker-2", here_ns: 1e6, stack: stack.slice(0, 2) }],
          unlisted_requests: 3,
          suspended: [{ stack, count: 14, mean_since_ns: 3e8 }, { stack: stack.slice(0, 1), count: 2, mean_since_ns: 5e6 }],
          requests: [{ name: "GET /orders/{id}", since_ns: 1.3e9 }, { name: "GET /orders/{id}", since_ns: 2e8 }],
        });
      }
      return null;
    },
  };
}

// ---- the page ----

// Opens the page. Whatever must not happen is noted in `wrong`; `answers` holds the last answer of each kind, by path;
// `service` answers what it knows, `only` what it shall answer and nothing else.
async function open({ url = config.url, service = null, only = null, size = [1280, 800], scheme = "light", may = [], hash = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: size[0], height: size[1] }, colorScheme: scheme, ...options });
  const page = await context.newPage();
  const base = new URL(url.endsWith("/") ? "./" : `${url.split("/").pop()}/`, url).href;
  const wrong = [], answers = {}, sent = [];
  page.on("console", message => {
    const text = `console ${message.type()}: ${message.text()}`;
    if (!may.some(allowed => text.includes(allowed))) wrong.push(text);
  });
  page.on("pageerror", error => wrong.push(`error: ${error.stack}`));
  page.on("dialog", dialog => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", request => {
    const address = request.url().split("#")[0];
    if (address !== url && !address.startsWith(base)) wrong.push(`request: ${address}`);
    sent.push([request.method(), address.slice(base.length), request.headers().authorization || null]);
  });
  await context.route(() => true, async route => {
    const request = route.request(), address = new URL(request.url());
    if (!request.url().startsWith(base) || request.url() === url) return request.url().split("#")[0] === url ? route.continue() : route.abort();
    const path = request.url().split("?")[0].slice(base.length);
    const made = service && (!only || only.includes(path)) ? service.answer(request.method(), path, address.searchParams) : null;
    if (made === "abort") return route.abort();
    const note = text => { if (request.method() === "GET") try { answers[path] = JSON.parse(text); } catch { /* an error's */ } };
    if (made) {
      note(made.body);
      return route.fulfill(made);
    }
    const response = await route.fetch().catch(() => null);
    if (!response) return route.abort();
    note(await response.text());
    return route.fulfill({ response });
  });
  await page.goto(url + hash);
  // By hand from here on, so that figures stay to be compared.
  const byHand = () => page.selectOption("#every", "0");
  const refresh = async () => {
    await page.waitForFunction(() => !document.getElementById("refresh").hasAttribute("aria-busy"));
    await page.evaluate(() => { document.getElementById("updated").textContent = "asking"; });
    await page.evaluate(() => document.getElementById("refresh").click());
    await page.waitForFunction(() => !document.getElementById("refresh").hasAttribute("aria-busy"));
  };
  return { page, context, wrong, answers, sent, byHand, refresh, close: async what => { same(wrong, [], what); await end(context); } };
}

// What is still being asked is of no interest any more.
async function end(context) {
  await context.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
}

const calm = page => page.waitForFunction(() => !document.getElementById("refresh").hasAttribute("aria-busy"));
const exact = text => (text === "not known" ? null : Number(/^[-\u2212+]?[\d,.]+/.exec(text)[0].replaceAll(",", "").replace("\u2212", "-").replace("+", "")));
const near = (have, want, what) => holds(Math.abs(have - want) <= Math.max(0.00051, Math.abs(want) * 1e-12), `${what}: ${have} instead of ${want}`);

const readRows = page => page.evaluate(() => Array.from(document.querySelectorAll("#body tr"), tr => ({
  name: tr.querySelector(".name").textContent,
  cells: Object.fromEntries(Array.from(tr.querySelectorAll("td"), td => [td.dataset.id, td.title])),
})));

const readList = (page, id) => page.evaluate(id => Array.from(document.querySelectorAll(`#${id} .list > tbody > tr[tabindex]`), tr => ({
  name: tr.querySelector(".path, .name").textContent,
  source: tr.querySelector(".source")?.textContent || "",
  open: tr.getAttribute("aria-expanded") === "true",
  cells: Object.fromEntries(Array.from(tr.querySelectorAll("td"), td => [td.dataset.id, { text: td.textContent, title: td.title }])),
})), id);

// The service's own answers for what it offers, ours for the rest.
async function missing() {
  const offered = async path => (await fetch(new URL(path, config.url))).status !== 404;
  const verbs = what => ["start", "stop", "reset"].map(verb => `control/${what}/${verb}`);
  const paths = await offered("inflight") ? [] : ["inflight"];
  if (!await offered("control/time/stop")) paths.push(...verbs("time"));
  // Half a state would be none.
  for (const path of ["control", "control/heap/start", "tracemalloc", "memory"]) {
    if (!await offered(path)) return [...paths, "control", "tracemalloc", "memory", ...verbs("time"), ...verbs("heap")];
  }
  return paths;
}

async function checkHeaders() {
  for (const url of [config.url, ...config.below]) {
    const answer = await fetch(url), policy = answer.headers.get("content-security-policy");
    same([answer.status, answer.headers.get("content-type"), answer.headers.get("x-content-type-options")], [200, "text/html; charset=utf-8", "nosniff"], url);
    const parts = Object.fromEntries(policy.split(";").map(part => part.trim().split(/ (.*)/s)));
    same([parts["default-src"], parts["connect-src"], parts["frame-ancestors"], parts["form-action"], parts["base-uri"]], ["'none'", "'self'", "'none'", "'none'", "'none'"], "policy");
    for (const part of ["style-src", "script-src"]) holds(/^'sha256-[\w+/]{43}='$/.test(parts[part]), policy);
  }
}

async function checkPolicy() {
  const { page, context } = await open({ service: imagined(), may: ["Security Policy", "Content Security"] });
  await page.waitForSelector("#body tr");
  const broken = await page.evaluate(() => new Promise(done => {
    const seen = new Set();
    const wanted = ["connect-src", "frame-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"];
    document.addEventListener("securitypolicyviolation", event => {
      seen.add(event.effectiveDirective);
      if (wanted.every(directive => seen.has(directive))) done("all refused");
    });
    const script = document.createElement("script");
    script.textContent = "document.title = 'ran'";
    document.body.append(script, document.createElement("iframe"));
    document.body.lastChild.src = "https://example.invalid/";
    new Image().src = "https://example.invalid/x.png";
    document.body.insertAdjacentHTML("beforeend", "<b onclick=\"document.title = 'ran'\" style='color:red'>x</b>");
    document.body.lastChild.click();
    fetch("https://example.invalid/").catch(() => {});
    setTimeout(() => done(`only ${Array.from(seen).sort()}`), 5000);
  }));
  same([broken, await page.title()], ["all refused", "profile-cost"], "policy");
  await end(context);
}

// Figures of the time tab against the object they came in.
async function checkFigures(view) {
  const { page, answers } = view, data = answers["page.json"], { functions, edges } = data;
  const rows = await readRows(page);
  same(rows.length, Math.min(200, functions.calls.length), "rows");
  same(new Set(rows.map(row => row.name)).size, rows.length, "each function once");
  for (const row of rows) {
    const i = functions.name.indexOf(row.name);
    for (const [id, key] of [["calls", "calls"], ["self", "self_ns"], ["cumulative", "cumulative_ns"], ["p95", "p95_ns"], ["in_flight", "in_flight"]]) {
      if (functions[key] && functions[key][i] !== null && row.cells[id]) near(exact(row.cells[id]), functions[key][i], `${row.name}, ${id}`);
    }
  }
  for (const [name, calls] of Object.entries(config.known)) same(exact(rows.find(row => row.name === name).cells.calls), calls, `calls of ${name}`);
  same(await page.evaluate(() => document.querySelector("#figures dd").textContent), data.calls.toLocaleString("en-US"), "calls");
  // Callers and callees of the row that is clicked.
  const chosen = functions.name.indexOf(config.busy);
  await page.click(`#body tr[data-i="${chosen}"] th`);
  const panel = await page.evaluate(() => ({
    name: document.querySelector("#detail h2 .name").textContent,
    edges: Array.from(document.querySelectorAll("#detail table"), table => Array.from(table.querySelectorAll("tbody tr:not(.outside)"), tr => [tr.querySelector(".name").textContent, tr.querySelector("td").title])),
  }));
  same(panel.name, config.busy, "panel");
  const of = (end, other) => edges[end].flatMap((f, e) => (f === chosen ? [[functions.name[edges[other][e]], edges.calls[e]]] : [])).sort();
  same(panel.edges.map(list => list.map(([name, title]) => [name, exact(title)]).sort()), [of("callee", "caller"), of("caller", "callee")], "callers and callees");
  await page.keyboard.press("Escape");
}

async function checkTime(only) {
  const view = await open({ service: imagined(), only });
  const { page, answers, refresh } = view;
  await page.waitForSelector("#body tr");
  await view.byHand();
  await calm(page);
  await refresh();
  await checkFigures(view);
  // Search, sort, zoom.
  await page.fill("#query", config.busy);
  same((await readRows(page)).map(row => row.name), [config.busy], "search");
  await page.fill("#query", "");
  await page.click("#head th[data-id=name] button");
  const names = (await readRows(page)).map(row => row.name);
  same(names, names.slice().sort((a, b) => (a < b ? -1 : 1)), "sorted by name");
  for (const sign of [-1, 1, -1]) {
    await page.click("#head th[data-id=calls] button");
    const calls = (await readRows(page)).map(row => exact(row.cells.calls));
    same(calls, calls.slice().sort((a, b) => sign * (a - b)), `sorted by calls, ${sign < 0 ? "the most" : "the fewest"} first`);
  }
  await page.focus("#flame");
  for (const key of ["ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  holds(await page.locator("#reset").isVisible(), "zoomed");
  // What was chosen stays while newer figures come in.
  await page.click("#metrics button[data-id=calls]");
  same(await page.evaluate(() => document.querySelector("#metrics [aria-pressed=true]").dataset.id), "calls", "metric");
  holds(/ \u00b7 [\d,]+ \([\d,]+ calls?\), /.test(await page.textContent("#frame")), `widths are calls: ${await page.textContent("#frame")}`);
  await page.fill("#query", "e");
  await page.evaluate(() => { document.getElementById("table-box").style.maxHeight = "160px"; document.getElementById("table-box").scrollTop = 30; scrollTo(0, 40); });
  const busy = answers["page.json"].functions.name.indexOf(config.busy);
  await page.focus(`#body tr[data-i="${busy}"]`);
  await page.evaluate(() => { document.getElementById("table-box").scrollTop = 30; scrollTo(0, 40); });
  const place = () => page.evaluate(() => ({
    query: document.getElementById("query").value, sorted: document.querySelector("#head [aria-sort]").dataset.id,
    metric: document.querySelector("#metrics [aria-pressed=true]").dataset.id, zoomed: !document.getElementById("reset").hidden,
    frame: document.getElementById("frame").textContent.split(" \u00b7 ")[0], panel: document.querySelector("#detail h2 .name")?.textContent || "",
    box: document.getElementById("table-box").scrollTop, y: scrollY, focus: document.activeElement.querySelector?.(".name")?.textContent || document.activeElement.id,
    places: Array.from(document.querySelectorAll("header, #messages, #tools, #graph, #functions, #metrics, #reset"), e => { const r = e.getBoundingClientRect(); return [e.id, r.x, r.y, e.id === "functions" ? 0 : r.height]; }),
  }));
  const before = await place(), was = answers["page.json"].functions.calls[busy];
  same([before.focus, before.zoomed], [config.busy, true], "focus and zoom");
  const notes = () => page.evaluate(() => document.querySelectorAll("#notes li").length);
  const noted = await notes();
  for (let turn = 0; turn < 3; turn++) await refresh();
  const after = await place();
  // Another note does move what is below it.
  if (await notes() !== noted) after.places = before.places;
  same(after, before, "the place");
  const functions = answers["page.json"].functions, now = functions.calls[functions.name.indexOf(config.busy)];
  holds(now > was, `newer figures: ${now} after ${was}`);
  same(exact((await readRows(page)).find(row => row.name === config.busy).cells.calls), now, "newer figures are shown");
  // The same with the focus on a heading, a metric, a link of the panel and in the search.
  await page.evaluate(i => document.querySelector(`#body tr[data-i="${i}"]`).click(), functions.name.indexOf(config.busy));
  for (const selector of ["#head th[data-id=self] button", "#metrics button:nth-child(2)", "#detail .edges a", "#detail .close", "#query", "#flame"]) {
    const what = () => page.evaluate(() => { const e = document.activeElement; return [e.tagName, e.id, e.className, e.hash || "", e.textContent.slice(0, 20)].join(); });
    await page.focus(selector);
    const focused = await what();
    await refresh();
    same(await what(), focused, `focus on ${selector}`);
  }
  await view.close("time");
}

async function checkRecordings() {
  const service = imagined(), view = await open({ service, only: ["control", "control/time/start", "control/time/stop", "control/time/reset", "control/heap/start", "control/heap/stop", "control/heap/reset", "tracemalloc", "memory", "inflight"] });
  const { page } = view, bar = "#time-recording", { asked } = service.state;
  const posts = () => asked.filter(([method]) => method === "POST").splice(0);
  await page.waitForSelector("#body tr");
  await view.byHand();
  const shows = text => page.waitForFunction(([bar, text]) => document.querySelector(`${bar} .words`).textContent === text, [bar, text]);
  await shows("Recording calls");
  await page.click(`${bar} button:text-is("Stop")`);
  await shows("Calls are not recorded");
  same(posts(), [["POST", "control/time/stop", {}]], "stop");
  same(await page.locator("#dot-time").getAttribute("class"), "dot ", "the tab says so");
  await page.selectOption(`${bar} select`, "60");
  await page.click(`${bar} button:text-is("Start")`);
  await shows("Recording calls");
  same(posts().at(-1), ["POST", "control/time/start", { duration: "60" }], "start");
  // What cannot be taken back is asked for twice.
  await page.click(`${bar} button:text-is("Reset")`);
  same(posts().length, 2, "one press resets nothing");
  await page.click(`${bar} button:text-is("Reset: sure?")`);
  await page.waitForFunction(() => document.getElementById("said").textContent.includes("Forgot"));
  same(posts().at(-1), ["POST", "control/time/reset", {}], "reset");
  await page.click("#tab-heap");
  await page.waitForSelector("#heap-view tbody tr");
  const heap = "#heap-recording";
  same(await page.textContent(`${heap} .words`), "Recording the heap: every block, 25 frames, 42.0\u00a0s left", "heap");
  await page.click(`${heap} button:text-is("Stop")`);
  await page.waitForSelector(`${heap} button:text-is("Start")`);
  await calm(page);
  holds((await page.textContent("#heap-view .note")).startsWith("The recording has ended"), "the last figures stay");
  same((await readList(page, "heap-view")).length, 3, "the last figures stay");
  await page.selectOption(`${heap} select >> nth=0`, "exact");
  await page.fill(`${heap} input`, "7");
  await page.selectOption(`${heap} select >> nth=2`, "10");
  await page.click(`${heap} button:text-is("Start")`);
  await page.waitForFunction(() => document.querySelector("#heap-recording .words").textContent.includes("7 frames"));
  same(posts().at(-1), ["POST", "control/heap/start", { mode: "exact", frames: "7", duration: "10" }], "exact");
  await page.click(`${heap} button:text-is("Stop")`);
  await page.waitForSelector(`${heap} button:text-is("Start")`);
  await page.selectOption(`${heap} select >> nth=0`, "sample");
  await page.selectOption(`${heap} select >> nth=2`, "");
  await page.click(`${heap} button:text-is("Start")`);
  await page.waitForFunction(() => document.querySelector("#heap-recording .words").textContent.includes("a sample, every 512\u00a0KiB"));
  same(posts().at(-1), ["POST", "control/heap/start", { mode: "sample", rate: "524288" }], "sample");
  await calm(page);
  holds((await readList(page, "heap-view"))[0].cells.bytes.text.startsWith("~"), "estimates are marked");
  await view.close("recordings");
}

// What the buttons do to a service that answers by itself: nothing is counted any more, and then again.
async function checkEffect(only) {
  if (only.includes("control/time/stop")) return;
  const { page, answers, refresh, byHand, close } = await open();
  await page.waitForSelector("#body tr");
  await byHand();
  const calls = async () => { await refresh(); return answers["page.json"].functions.calls[answers["page.json"].functions.name.indexOf(config.busy)]; };
  await page.click('#time-recording button:text-is("Stop")');
  await page.waitForSelector('#time-recording button:text-is("Start")');
  // What was under way when it stopped may still end.
  await calls();
  const stopped = await calls();
  same([await calls(), await calls()], [stopped, stopped], "stopped");
  await page.click('#time-recording button:text-is("Start")');
  await page.waitForSelector('#time-recording button:text-is("Stop")');
  while (await calls() === stopped);
  compared++;
  await close("effect");
}

async function checkHeapFigures(view, kind) {
  const { page, answers } = view;
  // What has gone since the first answer is shown as well, and holds nothing.
  const rows = (await readList(page, "heap-view")).filter(row => exact(row.cells.bytes.title) > 0);
  const wanted = (kind === "largest" ? answers.memory.largest : answers.tracemalloc.rows).filter(row => row.bytes > 0);
  same(rows.length, Math.min(200, wanted.length), `${kind}: rows`);
  const left = wanted.slice();
  for (const row of rows) {
    const name = kind === "path" ? row.name.replaceAll(" \u203a ", " -> ") : row.source.includes("/") ? row.source.split(" \u00b7 ")[0] : row.name;
    // Names are cut where they are very long.
    const isNamed = want => want.name === name || (name.endsWith("\u2026") && want.name.startsWith(name.slice(0, -1)));
    const at = left.findIndex(want => isNamed(want) && want.bytes === exact(row.cells.bytes.title));
    holds(at >= 0, `${kind}: ${name} with ${row.cells.bytes.title}`);
    same(exact(row.cells.blocks.title), left[at].blocks, `${kind}: blocks of ${name}`);
    left.splice(at, 1);
  }
  const sizes = rows.map(row => exact(row.cells.bytes.title));
  same(sizes, sizes.slice().sort((a, b) => b - a), `${kind}: the largest first`);
}

async function checkHeap(only) {
  const service = imagined(), view = await open({ service, only, hash: "#heap" });
  const { page, answers, refresh } = view;
  await page.waitForSelector("#heap-recording .words");
  await view.byHand();
  await calm(page);
  if (await page.locator('#heap-recording button:text-is("Start")').isVisible()) {
    await page.selectOption("#heap-recording select >> nth=0", "exact");
    await page.click('#heap-recording button:text-is("Start")');
  }
  await page.waitForSelector("#heap-view tbody tr", { timeout: 60e3 });
  for (const kind of ["type", "path", "largest", "lineno"]) {
    await page.click(`#heap-keys button[data-id=${kind}]`);
    await calm(page);
    await refresh();
    await checkHeapFigures(view, kind);
  }
  // Growth is the difference of two answers.
  await page.click("#mark");
  const before = new Map(answers.tracemalloc.rows.map(row => [row.name, row])), isWhole = answers.tracemalloc.other.rows === 0;
  await refresh();
  let grown = 0;
  for (const row of await readList(page, "heap-view")) {
    const name = row.source.includes("/") ? row.source : row.name;
    const now = answers.tracemalloc.rows.find(want => want.name === name), old = before.get(name) || (isWhole ? { bytes: 0, blocks: 0 } : null);
    if (!now || !old) continue;
    same(exact(row.cells.growth.title), now.bytes - old.bytes, `growth of ${name}`);
    same(exact(row.cells.more.title), now.blocks - old.blocks, `more blocks of ${name}`);
    grown += now.bytes !== old.bytes;
  }
  holds(grown > 0, "something has grown");
  // A row opens, and stays open, focused and where it is.
  const first = page.locator("#heap-view .list > tbody > tr[tabindex] >> nth=0");
  await first.click();
  holds(await page.locator("#heap-view .below").isVisible(), "a row opens");
  await first.focus();
  const focused = () => page.evaluate(() => document.activeElement.dataset.key);
  const key = await focused();
  await refresh();
  same([await focused(), await page.locator("#heap-view .below").count()], [key, 1], "and stays so");
  await page.keyboard.press("ArrowLeft");
  same(await page.locator("#heap-view .below").count(), 0, "and closes");
  const some = (await readList(page, "heap-view"))[0].name;
  await page.fill("#heap-query", some);
  const found = await readList(page, "heap-view");
  holds(found.length > 0 && found.every(row => `${row.name} ${row.source}`.includes(some)), "filter");
  await page.fill("#heap-query", "no such place");
  same(await page.textContent("#heap-view .more"), "Nothing matches. Show all", "no match");
  await page.fill("#heap-query", "");
  await page.click("#heap-view th[data-id=blocks] button");
  const blocks = (await readList(page, "heap-view")).map(row => exact(row.cells.blocks.title));
  same(blocks, blocks.slice().sort((a, b) => b - a), "sorted by blocks");
  await view.close("heap");
}

// Growth to the sign, with what has come and what has gone.
async function checkGrowth() {
  const service = imagined();
  let turn = 0;
  const held = [[["Grows", 5000, 5], ["shrinks", 4000, 4], ["stays", 3000, 3], ["goes", 2000, 2]], [["Grows", 6024, 6], ["shrinks", 2976, 3], ["stays", 3000, 3], ["comes", 512, 1]]];
  const growing = { answer(method, path, query) {
    if (path !== "tracemalloc") return service.answer(method, path, query);
    const rows = held[turn].map(([name, bytes, blocks]) => ({ name: `src/${name}.rs:1`, bytes, blocks, lower_bytes: bytes, upper_bytes: bytes, is_estimate: false, samples: 0 }));
    const total = { bytes: rows.reduce((sum, row) => sum + row.bytes, 0), blocks: rows.reduce((sum, row) => sum + row.blocks, 0) };
    return { status: 200, contentType: "application/json", body: JSON.stringify({ rows, top_result: [], mode: "exact:25", unnamed: null, total, other: { rows: 0, bytes: 0, blocks: 0 } }) };
  } };
  const view = await open({ service: growing, only: ["control", "tracemalloc", "memory"], hash: "#heap" });
  const { page, refresh } = view;
  await page.waitForSelector("#heap-view tbody tr");
  await view.byHand();
  await calm(page);
  await page.click("#mark");
  turn = 1;
  await refresh();
  const shown = (await readList(page, "heap-view")).map(({ name, cells }) => [name, ...["growth", "more"].flatMap(id => [cells[id].text, cells[id].title])]);
  same(shown, [
    ["Grows.rs:1", "+1.00\u00a0KiB", "+1,024 bytes", "+1", "+1 blocks"],
    ["stays.rs:1", "\u00b7", "0 bytes", "\u00b7", "0 blocks"],
    ["shrinks.rs:1", "\u22121.00\u00a0KiB", "\u22121,024 bytes", "\u22121", "\u22121 blocks"],
    ["comes.rs:1", "+512\u00a0B", "+512 bytes", "+1", "+1 blocks"],
    ["goes.rs:1", "\u22121.95\u00a0KiB", "\u22122,000 bytes", "\u22122", "\u22122 blocks"],
  ], "growth");
  const tones = await page.evaluate(() => Array.from(document.querySelectorAll("#heap-view td[data-id=growth]"), td => ["grown", "shrunk"].filter(tone => td.classList.contains(tone)).join()));
  same(tones, ["grown", "", "shrunk", "grown", "shrunk"], "in colour");
  const whole = await page.evaluate(() => Array.from(document.querySelectorAll("#heap-figures div"), e => [e.querySelector("dt").textContent, e.querySelector("dd").textContent]));
  same(whole.find(([term]) => term === "growth"), ["growth", "\u22121.45\u00a0KiB"], "of all");
  // Upper or lower case, it is the same.
  for (const query of ["Grows", "grows", "gROWS"]) {
    await page.fill("#heap-query", query);
    same((await readList(page, "heap-view")).map(row => row.name), ["Grows.rs:1"], `filter ${query}`);
  }
  await view.close("growth");
}

// What is chosen is a function, not a place in the answer: newer answers may have it elsewhere.
async function checkPlace() {
  let names = ["serve", "load", "query"];
  const moving = { answer(method, path, query) {
    if (path !== "page.json") return imagined().answer(method, path, query);
    const functions = { name: names, file: names.map(() => 0), line: names.map(() => 1), calls: names.map(() => 2), primitive: names.map(() => 2), self_ns: names.map(() => 3), cumulative_ns: names.map(() => 4) };
    const none = { caller: [], callee: [], calls: [], primitive: [], self_ns: [], cumulative_ns: [] };
    const body = { version: 1, calls: 6, primitive_calls: 6, ns: 9, wall_ns: 0, threads: 1, notes: [], files: ["src/main.rs"], functions, edges: none, paths: { parent: names.map(() => -1), function: names.map((_, i) => i), busy_ns: names.map(() => 3), calls: names.map(() => 2) } };
    return { status: 200, contentType: "application/json", body: JSON.stringify(body) };
  } };
  const view = await open({ service: moving, only: ["page.json", "control"] });
  const { page, refresh } = view;
  await page.waitForSelector("#body tr");
  await view.byHand();
  await calm(page);
  await page.click('#body tr[data-i="1"] th');
  await page.focus('#body tr[data-i="1"]');
  const place = () => page.evaluate(() => [document.activeElement.querySelector(".name")?.textContent, document.querySelector("#detail h2 .name")?.textContent, document.querySelector("#body [aria-selected=true] .name")?.textContent]);
  same(await place(), ["load", "load", "load"], "chosen");
  names = ["new", "serve", "query", "load"];
  await refresh();
  same((await readRows(page)).map(row => row.name), names, "newer functions");
  same(await place(), ["load", "load", "load"], "still chosen");
  await view.close("place");
}

async function checkInFlight(only) {
  const view = await open({ service: imagined(), only, hash: "#inflight" });
  const { page, answers, refresh } = view;
  await page.waitForFunction(() => document.querySelector("#running h2 span")?.textContent);
  await view.byHand();
  await calm(page);
  await refresh();
  const { threads, suspended, requests } = answers.inflight;
  const path = calls => calls.map(call => call.function).join(" \u203a ");
  const sorted = list => list.slice().sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const running = (await readList(page, "running")).map(row => [row.name, row.source, exact(row.cells.age.title)]);
  same(sorted(running), sorted(threads.map(thread => [path(thread.stack), thread.name, thread.stack.at(-1).since_ns])), "running");
  holds(running.length > 0, "something runs");
  same(sorted((await readList(page, "suspended")).map(row => [row.name, exact(row.cells.count.title), exact(row.cells.age.title)])),
    sorted(suspended.map(group => [path(group.stack), group.count, group.mean_since_ns])), "suspended");
  same(sorted((await readList(page, "requests")).map(row => [row.name, exact(row.cells.age.title)])), sorted(requests.map(request => [request.name, request.since_ns])), "requests");
  same(exact(await page.textContent("#requests h2 span")), requests.length + (answers.inflight.unlisted_requests || 0), "how many requests");
  await page.click("#running tr[tabindex] >> nth=0");
  same(await page.evaluate(() => Array.from(document.querySelectorAll("#running .stack tr"), tr => [tr.querySelector(".name").textContent, tr.querySelector("td").title])).then(rows => rows.map(([name, age]) => [name, exact(age)])),
    threads[0].stack.map(call => [call.function, call.since_ns]), "the stack, call by call");
  await view.close("in flight");
}

async function checkTroubles() {
  const service = imagined();
  let trouble = null, retried = 0;
  const troubled = { answer: (method, path, query) => (trouble && (path === trouble.path || trouble.path === "") ? (retried++, trouble.answer) : service.answer(method, path, query)) };
  const view = await open({ service: troubled, may: ["Failed to load resource"] });
  const { page, refresh } = view;
  await page.waitForSelector("#body tr");
  await view.byHand();
  await calm(page);
  const rows = await readRows(page), said = () => page.textContent("#trouble");
  const text = (status, body, headers = {}) => ({ status, contentType: "text/plain", headers, body });
  for (const [path, answer, words] of [
    ["page.json", text(409, "nothing is recorded"), "Not now: nothing is recorded"],
    ["page.json", text(500, "it broke"), "The service answered 500: it broke"],
    ["page.json", text(403, "not you"), "Refused: not you"],
    ["page.json", text(404, ""), "The service does not offer this."],
    ["control", text(503, "gone fishing"), "The service answered 503: gone fishing"],
    ["page.json", text(200, "{\"version\":"), "The answer is not the JSON it should be."],
    ["", "abort", "The service does not answer. Is it still running, is the port still forwarded?"],
  ]) {
    trouble = { path, answer };
    await refresh();
    same(await said(), words, `${path} ${answer.status}`);
    same((await readRows(page)).length, rows.length, "what was shown stays");
    holds(await page.evaluate(() => document.body.classList.contains("is-stale")), "marked as old");
    trouble = null;
    await refresh();
    same(await said(), "", "it passes");
  }
  // Too often: asked again by itself, when the service said.
  trouble = { path: "page.json", answer: text(429, "a moment, please", { "retry-after": "1" }) };
  retried = 0;
  await refresh();
  same(await said(), "Busy: a moment, please", "429");
  trouble = null;
  await page.waitForFunction(() => document.getElementById("trouble").textContent === "", null, { timeout: 10e3 });
  // On a slow machine more than once before it had passed.
  holds(retried >= 1, "asked again by itself");
  // A recording that is refused.
  trouble = { path: "control/time/stop", answer: text(409, "somebody else's") };
  await page.click('#time-recording button:text-is("Stop")');
  await page.waitForFunction(() => document.getElementById("trouble").textContent === "Not now: somebody else's");
  await view.close("troubles");
}

async function checkToken() {
  const service = imagined(), paths = ["control", "inflight", "tracemalloc", "memory"];
  const plain = service.answer.bind(service);
  const view = await open({ url: config.guarded, may: ["status of 401"], service: { answer: (method, path, query) => plain(method, path, query) }, only: paths });
  const { page, sent } = view;
  await page.waitForSelector("#token:not([hidden])");
  same(await page.textContent("#trouble"), "The service wants its token.", "asked for");
  same(await page.evaluate(() => document.activeElement.id), "token-text", "and focused");
  await view.byHand();
  await page.focus("#token-text");
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("trouble").textContent === "The service does not take this token.");
  await page.focus("#token-text");
  await page.keyboard.type(config.token);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#body tr");
  same([await page.locator("#token").isVisible(), await page.textContent("#trouble")], [false, ""], "taken");
  same(sent.at(-1)[2], `Bearer ${config.token}`, "as a header");
  const said = [page.url(), ...sent.map(([, address]) => address)].map(address => decodeURIComponent(address.replaceAll("+", " ")));
  same(said.filter(address => address.includes(config.token)), [], "and nowhere else");
  same(await page.evaluate(() => [localStorage.length, document.cookie]), [0, ""], "nor kept for longer");
  await page.reload();
  await page.waitForSelector("#body tr");
  same(await page.locator("#token").isVisible(), false, "kept by the tab");
  await view.byHand();
  await page.click("#help");
  await page.click("#forget");
  await view.refresh();
  holds(await page.locator("#token").isVisible(), "forgotten");
  await view.close("token");
}

async function checkHostile() {
  const service = imagined(), { names } = config;
  const rows = names.map((name, i) => ({ name: `${name}${i}`, bytes: 1000 + i, blocks: 1, lower_bytes: 1, upper_bytes: 2, is_estimate: false, samples: 0 }));
  const calls = names.map((name, i) => ({ function: name, file: name, line: i, since_ns: 5 }));
  const functions = { name: names, file: names.map((_, i) => i), line: names.map(() => 1), calls: names.map(() => 2), primitive: names.map(() => 2), self_ns: names.map(() => 3), cumulative_ns: names.map(() => 4) };
  const object = {
    version: 1, calls: 2, primitive_calls: 2, ns: 5, wall_ns: 6, threads: 1, notes: names, files: names, functions,
    edges: { caller: names.map(() => 0), callee: names.map((_, i) => i), calls: names.map(() => 1), primitive: names.map(() => 1), self_ns: names.map(() => 1), cumulative_ns: names.map(() => 1) },
    paths: { parent: names.map((_, i) => i - 1), function: names.map((_, i) => i), busy_ns: names.map(() => 7), calls: names.map(() => 1) },
  };
  const hostile = { answer(method, path, query) {
    const json = value => ({ status: 200, contentType: "application/json", body: JSON.stringify(value) });
    if (path === "page.json") return json(object);
    if (path === "tracemalloc") return json({ rows, top_result: rows.map(row => ({ traceback: [row.name] })), unnamed: names.join(" "), total: { bytes: 5000, blocks: 3 }, other: { rows: 1, bytes: 1, blocks: 1 } });
    if (path === "memory") return json({ largest: rows, unnamed: names.join(" "), process: { rss_bytes: 5, explanation: names } });
    if (path === "inflight") return json({ threads: names.map(name => ({ name, stack: calls })), suspended: [{ stack: calls, count: 3, mean_since_ns: null }], requests: names.map(name => ({ name, since_ns: 1 })) });
    if (path === "control" && method === "GET") return json({ time: { is_recording: true }, heap: { mode: names[0] } });
    return { status: 409, contentType: "text/plain", body: names.join(" ") };
  } };
  const view = await open({ service: hostile, may: ["status of 409"] });
  const { page } = view;
  await page.waitForSelector("#body tr");
  await view.byHand();
  const tame = async what => {
    const found = await page.evaluate(() => ({
      strange: Array.from(document.querySelectorAll("img,iframe,svg,object,embed,base,video,template,b,i,style ~ style,body a:not([href^='#f='])"), e => e.outerHTML),
      scripts: document.scripts.length,
      attributes: Array.from(document.querySelectorAll("*")).flatMap(e => Array.from(e.attributes, a => a.name)).filter(name => name.startsWith("on")),
    }));
    same(found, { strange: [], scripts: 1, attributes: [] }, what);
    same(await page.title(), "profile-cost", what);
  };
  same((await readRows(page)).length, names.length, "every name has a row");
  await tame("time");
  for (let i = 0; i < names.length; i++) await page.locator(`#body tr[data-i="${i}"]`).evaluate(tr => tr.click());
  await tame("panel");
  await page.evaluate(() => document.querySelector('#time-recording button:not([hidden])').click());
  await page.waitForFunction(() => document.getElementById("trouble").textContent.startsWith("Not now: "));
  await tame("trouble");
  await page.keyboard.press("2");
  await page.waitForSelector("#heap-view tbody tr");
  for (const kind of ["type", "path", "largest", "lineno"]) {
    await page.click(`#heap-keys button[data-id=${kind}]`);
    await page.waitForFunction(() => document.querySelectorAll("#heap-view tbody tr").length > 0);
    await calm(page);
    await page.evaluate(() => document.querySelector("#heap-view tbody tr").click());
    await tame(kind);
  }
  await page.keyboard.press("3");
  await page.waitForSelector("#running tbody tr");
  for (const id of ["requests", "running", "suspended"]) await page.evaluate(id => document.querySelector(`#${id} tbody tr`).click(), id);
  await tame("in flight");
  await view.close("hostile");
}

// Without a mouse: everything is reached, seen to be focused, and has a name.
async function checkKeyboard() {
  const view = await open({ service: imagined(), only: ["control", "inflight", "tracemalloc", "memory", "control/time/stop"] });
  const { page } = view, press = key => page.keyboard.press(key);
  const at = () => page.evaluate(() => { const e = document.activeElement; return e.id || e.dataset.key || e.dataset.i || e.textContent.slice(0, 12); });
  await page.waitForSelector("#body tr");
  await calm(page);
  await press("p");
  same(await page.inputValue("#every"), "0", "p pauses");
  const walk = async what => {
    const seen = [];
    // From the very beginning.
    await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex"); });
    for (let step = 0; step < 80; step++) {
      await press("Tab");
      const stop = await page.evaluate(() => {
        const e = document.activeElement;
        if (e === document.body) return null;
        const style = getComputedStyle(e), box = e.getBoundingClientRect();
        const label = e.getAttribute("aria-label") || e.labels?.[0]?.textContent.trim() || e.getAttribute("aria-labelledby") || e.textContent.trim();
        return { id: e.id || e.dataset.id || e.textContent.trim().slice(0, 20), outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, label: label !== "", shown: box.width > 0 && box.height > 0 };
      });
      if (!stop) break;
      holds(stop.outline && stop.label && stop.shown, `${what}: ${JSON.stringify(stop)}`);
      seen.push(stop.id);
    }
    return seen;
  };
  const time = await walk("time");
  for (const id of ["tab-time", "refresh", "every", "help", "query", "regex", "flame"]) holds(time.includes(id), `Tab reaches ${id}: ${time}`);
  holds(time.length < 80 && time.includes("Stop"), `Tab comes to an end: ${time}`);
  await press("/");
  same(await at(), "query", "/");
  await page.keyboard.type("r2p");
  same([await page.inputValue("#query"), await page.inputValue("#every"), await page.locator("#time").isVisible()], ["r2p", "0", true], "letters are letters in the search");
  await press("Escape");
  same(await page.inputValue("#query"), "", "Escape clears it");
  await page.focus("#body tr[tabindex='0']");
  await press("Enter");
  holds(await page.locator("#detail").isVisible(), "Enter opens callers and callees");
  await press("Escape");
  same(await page.locator("#detail").isVisible(), false, "Escape closes them");
  await page.focus("#tab-time");
  await press("ArrowRight");
  same([await at(), await page.getAttribute("#tab-heap", "aria-selected"), await page.locator("#heap").isVisible(), await page.locator("#time").isVisible()], ["tab-heap", "true", true, false], "arrows go from tab to tab");
  await page.waitForSelector("#heap-view tbody tr");
  const heap = await walk("heap");
  for (const id of ["tab-heap", "heap-query", "mark", "live"]) holds(heap.includes(id), `Tab reaches ${id}: ${heap}`);
  await page.focus("#heap-view tr[tabindex='0']");
  const top = await at();
  await press("ArrowDown");
  holds(await at() !== top, "down");
  await press("Enter");
  holds(await page.locator("#heap-view .below").isVisible(), "Enter opens a row");
  await press("Home");
  same(await at(), top, "Home");
  await page.evaluate(() => document.activeElement.blur());
  await press("/");
  same(await at(), "heap-query", "/ in the heap");
  await page.evaluate(() => document.activeElement.blur());
  await press("3");
  await page.waitForSelector("#running tbody tr");
  await walk("in flight");
  await page.focus("#running tr[tabindex='0']");
  await press("Enter");
  holds(await page.locator("#running .below").isVisible(), "a stack opens");
  await page.evaluate(() => document.activeElement.blur());
  await press("?");
  holds(await page.locator("#keys").isVisible(), "? shows the keys");
  await press("2");
  holds(await page.locator("#inflight").isVisible(), "other keys wait");
  await press("Escape");
  same(await page.locator("#keys").isVisible(), false, "Escape closes them");
  await press("1");
  holds(await page.locator("#time").isVisible(), "1");
  await page.focus('#time-recording button:text-is("Stop")');
  await press("Enter");
  await page.waitForSelector('#time-recording button:text-is("Start")');
  await page.waitForFunction(() => document.activeElement.textContent === "Start");
  await view.close("keyboard");
}

// Asked by itself every so often, and not while nobody looks.
async function checkEvery() {
  const service = imagined(), view = await open({ service, only: ["control"] });
  const { page } = view;
  await page.waitForSelector("#body tr");
  await calm(page);
  const asked = () => service.state.turn;
  const first = asked();
  await page.focus("#every");
  await page.selectOption("#every", "1");
  await page.waitForResponse(response => response.url().endsWith("page.json"), { timeout: 10e3 });
  await page.waitForResponse(response => response.url().endsWith("page.json"), { timeout: 10e3 });
  holds(asked() >= first + 2, "asked again and again");
  same(await page.evaluate(() => document.activeElement.id), "every", "the focus stays");
  await page.selectOption("#every", "0");
  await calm(page);
  const last = asked();
  await page.selectOption("#every", "60");
  await page.selectOption("#every", "0");
  // The next refresh by hand is the next there is.
  await view.refresh();
  same(asked(), last + 1, "no more than asked for");
  // Time is made to pass from here on. Where something is asked, the button says so at once.
  await page.clock.install();
  const asks = async seconds => {
    await page.clock.fastForward(1000 * seconds);
    return page.evaluate(() => document.getElementById("refresh").hasAttribute("aria-busy"));
  };
  await view.refresh();
  same([await asks(3600), asked()], [false, last + 2], "by hand: not in an hour");
  await page.selectOption("#every", "60");
  same([await asks(59), await asks(2)], [false, true], "every minute");
  await view.close("every");
}

async function checkPlaces() {
  for (const url of config.below) {
    const view = await open({ url, service: imagined(), only: ["control", "inflight", "tracemalloc", "memory"] });
    await view.page.waitForSelector("#body tr");
    holds(view.sent.length >= 3, url);
    await view.close(url);
  }
  const { page, context } = await open({ javaScriptEnabled: false });
  holds((await page.textContent("body")).includes("needs JavaScript"), "without script");
  await end(context);
}

const luminance = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);

async function checkLooks() {
  const backs = new Set();
  for (const size of [[1280, 800], [400, 800]]) {
    for (const scheme of ["light", "dark"]) {
      const view = await open({ service: imagined(), only: ["control", "inflight", "tracemalloc", "memory"], size, scheme });
      const { page } = view;
      await page.waitForSelector("#body tr");
      await view.byHand();
      for (const [tab, key] of [["time", "1"], ["heap", "2"], ["inflight", "3"]]) {
        await page.evaluate(() => document.activeElement.blur());
        await page.keyboard.press(key);
        await page.waitForSelector(`#${tab} tbody tr[tabindex]`);
        await calm(page);
        same(await page.evaluate(() => document.documentElement.scrollWidth), size[0], `${tab} at ${size[0]}: nothing but tables scrolls sideways`);
        const clipped = await page.evaluate(() => Array.from(document.querySelectorAll("header button, header select, .recording button, .recording select"), e => [e.textContent.slice(0, 20), e.getBoundingClientRect()]).filter(([, box]) => box.width > 0 && (box.left < 0 || box.right > innerWidth)).map(([text]) => text));
        same(clipped, [], `${tab} at ${size[0]}: every button is in sight`);
        const colours = await page.evaluate(tab => Array.from(document.querySelectorAll(`header h1, #updated, #${tab} .name, #${tab} .source, #${tab} .muted, #${tab} td, #${tab} thead th, #${tab} thead button, [role=tab]`), e => {
          let back = e;
          while (back && /rgba\(0, 0, 0, 0\)|transparent/.test(getComputedStyle(back).backgroundColor)) back = back.parentElement;
          const numbers = text => text.match(/[\d.]+/g).map(Number);
          return [e.className || e.tagName, numbers(getComputedStyle(e).color), numbers(getComputedStyle(back || document.body).backgroundColor)];
        }), tab);
        for (const [what, text, back] of colours) {
          const [high, low] = [luminance(text), luminance(back)].sort((a, b) => b - a), contrast = (high + 0.05) / (low + 0.05);
          holds(contrast >= 4.5, `${tab}, ${scheme}: ${what} has a contrast of ${contrast.toFixed(2)}`);
          backs.add(`${scheme} ${luminance(back) > 0.5}`);
        }
        await page.screenshot({ path: join(config.shots, `${tab}-${size[0]}-${scheme}.png`) });
      }
      await view.close(`${scheme} at ${size[0]}`);
    }
  }
  same(Array.from(backs).sort(), ["dark false", "light true"], "dark and light");
}

const only = await missing();
console.log(`answered by the test: ${only.join(", ") || "nothing"}`);
const all = {
  headers: checkHeaders, policy: checkPolicy, time: () => checkTime(only), recordings: checkRecordings, effect: () => checkEffect(only), heap: () => checkHeap(only),
  growth: checkGrowth, place: checkPlace,
  // The service's own, and one in which many wait.
  "in flight": () => checkInFlight(only), "in flight, many": () => checkInFlight(["control", "inflight"]), troubles: checkTroubles, token: checkToken, hostile: checkHostile, keyboard: checkKeyboard,
  every: checkEvery, places: checkPlaces, looks: checkLooks,
};
for (const [name, check] of Object.entries(all)) {
  if (config.checks && !config.checks.includes(name)) continue;
  const before = compared;
  try {
    await check();
  } catch (error) {
    console.log(`${name}:\n${error.stack}`);
    process.exit(1);
  }
  console.log(`${name}: ${compared - before} comparisons`);
}
await browser.close();
