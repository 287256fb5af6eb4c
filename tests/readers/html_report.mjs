// Reads HTML reports as a person does, in headless Chromium with the network refused, and compares what is on the
// page with what the caller expects: node html_report.mjs EXPECTATIONS.json. Says on stdout what it compared; on the
// first difference prints it and ends with status 1.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { browser } from "./browser.mjs";

const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));

let compared = 0;
const same = (have, want, what) => {
  compared++;
  assert.deepEqual(have, want, what);
};
// Both sides went through f64; the page rounds to three decimals.
const near = (have, want, what) => {
  compared++;
  const close = have === want || Math.abs(have - want) <= Math.max(0.00051, Math.abs(want) * 1e-12);
  assert.ok(close, `${what}: the page says ${have}, the profile ${want}`);
};

// A page on which whatever must not happen is noted.
async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, offline: true, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(path).href;
  const wrong = [];
  page.on("console", message => wrong.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", error => wrong.push(`error: ${error.stack}`));
  page.on("dialog", dialog => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", request => { if (request.url().split("#")[0] !== url) wrong.push(`request: ${request.url()}`); });
  await context.route(/^(?!file:)/, route => route.abort());
  await page.goto(url);
  return { page, context, wrong, close: async () => { same(wrong, [], path); await context.close(); } };
}

const exact = text => (text === "not known" ? null : Number(/^-?[\d,.]+/.exec(text)[0].replaceAll(",", "")));

// The table as it stands: per row its function's index, name, source, and of each column text and exact number.
const readTable = page => page.evaluate(() => ({
  columns: Array.from(document.querySelectorAll("#head th"), th => th.dataset.id),
  rows: Array.from(document.querySelectorAll("#body tr"), tr => ({
    i: Number(tr.dataset.i),
    name: tr.querySelector(".name").textContent,
    source: tr.querySelector(".source").textContent,
    isMarked: getComputedStyle(tr.querySelector(".name"), "::before").content === '"*"',
    selected: tr.getAttribute("aria-selected") === "true",
    cells: Object.fromEntries(Array.from(tr.querySelectorAll("td"), td => [td.dataset.id, { text: td.textContent, title: td.title }])),
  })),
}));

const readDetail = page => page.evaluate(() => {
  const panel = document.getElementById("detail");
  if (panel.hidden) return null;
  const edges = Array.from(panel.querySelectorAll("table"), table => Array.from(table.querySelectorAll("tbody tr"), tr => ({
    name: (tr.querySelector(".name") || tr.firstChild).textContent,
    source: tr.querySelector(".source")?.textContent || "",
    cells: Array.from(tr.querySelectorAll("td"), td => ({ text: td.textContent, title: td.title })),
  })));
  return { name: panel.querySelector("h2 .name").textContent, source: panel.querySelector("h2 .source").textContent, edges };
});

const order = page => page.evaluate(() => Array.from(document.querySelectorAll("#body tr"), tr => Number(tr.dataset.i)));

async function showAll(page) {
  if (await page.locator("#show-all").isVisible()) await page.click("#show-all");
}

function checkTable(table, test) {
  same(table.columns, ["name", ...test.columns], "columns");
  same(table.rows.map(row => row.i).sort((a, b) => a - b), test.rows.map((_, i) => i), "each function once");
  for (const row of table.rows) {
    const want = test.rows[row.i];
    same([row.name, row.source, row.isMarked], [want.name, want.source, want.is_throttled], `row ${row.i}`);
    for (const id of test.columns) {
      const title = row.cells[id].title, number = exact(title);
      const what = `${want.name}, ${id}`;
      if (want[id] === null) same(number, null, what);
      else near(number, want[id], what);
      if (id === "calls" && want.calls !== want.primitive) {
        near(exact(title.split(", ").slice(-1)[0]), want.primitive, `${what}, primitive`);
      }
      if (id === "cost") same(row.cells[id].text.includes("!"), want.cost_matters, `${what}, flag`);
      // What the text report prints in the same place.
      if (want.text) {
        const plain = row.cells[id].text.replaceAll("\u00a0", "").replace("µ", "u").replace("\u2013", "-").replace("\u00b7", ".");
        same(plain, want.text[id], `${what}, as the text report has it`);
      }
    }
  }
}

function checkEdges(have, want, outside, what) {
  const listed = want.slice().sort((a, b) => b.cumulative - a.cumulative);
  const rows = have.filter(row => row.name !== "(no caller)" && row.name !== "none");
  same(rows.length, want.length, `${what}: how many`);
  same(rows.map(row => row.name).sort(), want.map(edge => edge.name).sort(), what);
  rows.forEach((row, at) => near(exact(row.cells[2].title), listed[at].cumulative, `${what}: the dearest first`));
  for (const edge of want) {
    const row = rows.find(r => r.name === edge.name && r.source === edge.source);
    assert.ok(row, `${what}: ${edge.name}`);
    near(exact(row.cells[0].title), edge.calls, `${what}, ${edge.name}, calls`);
    if (edge.calls !== edge.primitive) near(exact(row.cells[0].title.split(", ").slice(-1)[0]), edge.primitive, `${what}, primitive`);
    near(exact(row.cells[1].title), edge.self, `${what}, ${edge.name}, self`);
    near(exact(row.cells[2].title), edge.cumulative, `${what}, ${edge.name}, cumulative`);
  }
  const root = have.find(row => row.name === "(no caller)");
  near(root ? exact(root.cells[0].title) : 0, outside, `${what}: without a caller`);
}

async function checkDetail(page, test, i) {
  const detail = await readDetail(page);
  const row = test.rows[i];
  assert.ok(detail, `no panel for ${row.name}`);
  same([detail.name, detail.source], [row.full_name, row.source], "panel");
  checkEdges(detail.edges[0], row.callers, row.outside, `callers of ${row.name}`);
  checkEdges(detail.edges[1], row.callees, 0, `callees of ${row.name}`);
}

// What an order by a column must be, whatever the page thinks of it.
function sorted(test, indices, id, down) {
  return indices.slice().sort((a, b) => {
    const [x, y] = [test.rows[a][id], test.rows[b][id]];
    if (id === "name") return (x < y ? -1 : x > y ? 1 : a - b) * (down ? -1 : 1);
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return (down ? y - x : x - y) || a - b;
  });
}

async function checkSorting(page, test) {
  const all = test.rows.map((_, i) => i);
  for (const id of ["name", ...test.columns]) {
    const button = page.locator(`#head th[data-id="${id}"] button`);
    // The report starts sorted by cumulative time.
    const downs = id === "name" ? [false, true] : id === "cumulative" ? [true, false] : [true, false];
    for (const down of downs) {
      await button.click();
      same(await order(page), sorted(test, all, id, down), `by ${id}, ${down ? "descending" : "ascending"}`);
      same(await page.getAttribute(`#head th[data-id="${id}"]`, "aria-sort"), down ? "descending" : "ascending", id);
    }
  }
  same(await page.locator("#head th[aria-sort]").count(), 1, "one column is sorted by");
  // By keyboard: from the button after which `self` comes, with Tab, then Enter and Space.
  await page.focus("#head th[data-id=calls] button");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  same(await order(page), sorted(test, all, "self", true), "by self, with Enter");
  await page.keyboard.press("Space");
  same(await order(page), sorted(test, all, "self", false), "by self, with Space");
}

async function checkKeysInTable(page, test) {
  await page.click("#head th[data-id=calls] button");
  const rows = sorted(test, test.rows.map((_, i) => i), "calls", true);
  await page.focus("#body tr[tabindex='0']");
  for (const [key, at] of [["Home", 0], ["ArrowDown", 1], ["ArrowDown", 2], ["ArrowUp", 1], ["End", rows.length - 1], ["ArrowDown", rows.length - 1], ["Home", 0], ["ArrowUp", 0], ["ArrowDown", 1]]) {
    await page.keyboard.press(key);
    same(await page.evaluate(() => Number(document.activeElement.dataset.i)), rows[at], `${key} in the table`);
  }
  await page.keyboard.press("Enter");
  await checkDetail(page, test, rows[1]);
  same(await page.evaluate(() => Number(document.activeElement.dataset.i)), rows[1], "the focus stays on the row");
  same(await page.locator("#body tr[tabindex='0']").count(), 1, "one stop for Tab");
  await page.keyboard.press("Escape");
  same(await readDetail(page), null, "Escape closes the panel");
}

async function checkSelection(page, test) {
  for (let i = 0; i < test.rows.length; i++) {
    await page.click(`#body tr[data-i="${i}"] th`);
    await checkDetail(page, test, i);
    const marked = (await readTable(page)).rows.filter(row => row.selected).map(row => row.i);
    same(marked, [i], "the selected row");
  }
  await page.keyboard.press("Escape");
}

async function checkHistory(page, test) {
  const from = test.rows.findIndex(row => row.callees.length > 0 && row.callees[0].name !== row.name);
  await page.click(`#body tr[data-i="${from}"] th`);
  const callee = sorted({ rows: test.rows[from].callees }, test.rows[from].callees.map((_, k) => k), "cumulative", true)[0];
  const to = test.rows.findIndex(row => row.name === test.rows[from].callees[callee].name && row.source === test.rows[from].callees[callee].source);
  await page.locator("#detail .edges").nth(1).locator("a").first().click();
  await checkDetail(page, test, to);
  await page.goBack();
  await checkDetail(page, test, from);
  await page.goForward();
  await checkDetail(page, test, to);
  // The address alone leads there again.
  await page.reload();
  await checkDetail(page, test, to);
  await page.click("#detail .close");
  same(await readDetail(page), null, "the panel is closed");
}

async function checkSearches(page, test) {
  for (const search of test.searches) {
    await page.click(`#metrics button[data-id="${search.metric}"]`);
    const pressed = await page.getAttribute("#regex", "aria-pressed") === "true";
    if (pressed !== search.regex) await page.click("#regex");
    await page.fill("#query", search.query);
    same((await order(page)).sort((a, b) => a - b), search.rows, `rows for ${search.query}`);
    const said = await page.textContent("#matched");
    const title = await page.textContent(`#metrics button[data-id="${search.metric}"]`);
    same(said, `${search.rows.length} of ${test.rows.length} functions, ${search.percent} of ${title.toLowerCase()}`, search.query);
  }
  if (await page.getAttribute("#regex", "aria-pressed") === "false") await page.click("#regex");
  await page.fill("#query", "(");
  same(await page.textContent("#matched"), "not a regular expression", "a bad pattern");
  same((await order(page)).length, test.rows.length, "a bad pattern hides nothing");
  await page.focus("#query");
  await page.keyboard.press("Escape");
  same([await page.inputValue("#query"), await page.textContent("#matched")], ["", ""], "Escape clears the search");
  await page.click("#regex");
}

const ROW = 19;

// The tooltip over a place of the graph, as lines.
async function tipAt(page, box, share, level) {
  await page.mouse.move(box.x + share * box.width, box.y + (level + 0.5) * ROW);
  return page.evaluate(() => (document.getElementById("tip").hidden ? null : Array.from(document.getElementById("tip").children, line => line.textContent)));
}

function checkTip(lines, frame, whole, view, what) {
  assert.ok(lines, `${what}: no frame where there must be one`);
  same(lines[0], frame.wait ? `await in ${frame.name}` : frame.name, what);
  if (frame.source) same(lines[1], frame.source, what);
  const sizes = lines[frame.source ? 2 : 1], own = lines[frame.source ? 3 : 2];
  near(exact(/\((.*?)\)/.exec(sizes)[1]), frame.value, `${what}, size`);
  const shares = [`${(100 * frame.value / whole).toFixed(1)}% of all`];
  if (view !== null) shares.push(`${(100 * frame.value / view).toFixed(1)}% of view`);
  same(sizes.slice(sizes.indexOf("), ") + 3), shares.join(", "), `${what}, share`);
  if (!frame.wait && frame.level > 0) near(exact(/\((.*?)\)/.exec(own)[1]), frame.self, `${what}, self`);
}

async function graphBox(page) {
  await page.locator("#canvas").scrollIntoViewIfNeeded();
  return page.locator("#canvas").boundingBox();
}

async function checkGraph(page, test) {
  same(await page.evaluate(() => Array.from(document.querySelectorAll("#metrics button"), b => b.dataset.id)), test.graphs.map(g => g.metric), "metrics");
  for (const graph of test.graphs) {
    await page.click(`#metrics button[data-id="${graph.metric}"]`);
    const { frames } = graph, whole = graph.total;
    const box = await graphBox(page);
    for (const frame of frames) {
      if (frame.to - frame.from < 3 / box.width) continue;
      checkTip(await tipAt(page, box, (frame.from + frame.to) / 2, frame.level), frame, whole, null, `${graph.metric}, level ${frame.level}`);
    }
    // Nothing is right of the last frame of a level.
    for (const level of new Set(frames.map(frame => frame.level))) {
      const end = Math.max(...frames.filter(frame => frame.level === level).map(frame => frame.to));
      if (end < 0.99) same(await tipAt(page, box, (end + 1) / 2, level), null, `${graph.metric}: right of level ${level}`);
    }
    // Zoom to the widest frame of the second level that has something under it, and see the same in larger.
    const inner = (frame, root) => frame.level > root.level && frame.from >= root.from - 1e-12 && frame.to <= root.to + 1e-12;
    const roots = frames.filter(frame => frame.level === 2 && !frame.wait && frames.some(other => inner(other, frame)));
    const root = roots.sort((a, b) => (b.to - b.from) - (a.to - a.from))[0];
    if (!root) continue;
    await page.mouse.click(box.x + (root.from + root.to) / 2 * box.width, box.y + (root.level + 0.5) * ROW);
    const zoomed = await graphBox(page);
    for (const frame of frames.filter(frame => inner(frame, root))) {
      const [from, to] = [frame.from, frame.to].map(x => (x - root.from) / (root.to - root.from));
      if (to - from < 3 / zoomed.width) continue;
      checkTip(await tipAt(page, zoomed, (from + to) / 2, frame.level), frame, whole, root.value, `${graph.metric}, zoomed`);
    }
    const chosen = test.rows.findIndex(row => row.name === root.name && row.source === root.source);
    await checkDetail(page, test, chosen);
    same((await readTable(page)).rows.filter(row => row.selected).map(row => row.i), [chosen], "a click selects the function");
    const hits = frame => /a/i.test(`${frame.name} ${frame.source}`) && frame.level > 0;
    const outermost = frames.filter(frame => (inner(frame, root) || frame === root) && hits(frame)
      && !frames.some(other => other !== frame && hits(other) && inner(frame, other)));
    const share = frames.some(other => hits(other) && inner(root, other)) ? root.value : outermost.reduce((sum, frame) => sum + frame.value, 0);
    await page.fill("#query", "a");
    const said = await page.textContent("#matched");
    same(said.slice(said.indexOf(", ") + 2).split(" of ")[0], `${(100 * share / root.value).toFixed(1)}%`, `${graph.metric}, matches in the view`);
    assert.ok(said.includes(" of the view's "), said);
    await page.fill("#query", "");
    await page.click("#reset");
    same(await page.locator("#reset").isVisible(), false, "zoomed out");
    checkTip(await tipAt(page, await graphBox(page), (root.from + root.to) / 2, root.level), root, whole, null, "zoomed out again");
    await page.click("#detail .close");
  }
  await page.click("#metrics button >> nth=0");
}

async function checkGraphKeys(page, test) {
  const { frames, total } = test.graphs[0];
  const under = (root, level) => frames.filter(f => f.level === level && f.from >= root.from - 1e-12 && f.to <= root.to + 1e-12);
  const status = () => page.textContent("#frame");
  const starts = async (frame, what) => {
    const said = await status();
    assert.ok(said.startsWith(`${frame.wait ? "await in " : ""}${frame.name} · `) && said.includes(`(${frame.value.toLocaleString("en-US")} `), `${what}: ${said} instead of ${frame.name} ${frame.value}`);
    compared++;
  };
  await page.focus("#flame");
  await page.keyboard.press("ArrowDown");
  const tops = under({ from: 0, to: 1 }, 1);
  const widest = tops.slice().sort((a, b) => b.value - a.value)[0];
  await page.keyboard.press("ArrowDown");
  await starts(widest, "down");
  const at = tops.indexOf(widest);
  if (at > 0) {
    await page.keyboard.press("ArrowLeft");
    await starts(tops[at - 1], "left");
    await page.keyboard.press("ArrowRight");
    await starts(widest, "right");
  }
  await page.keyboard.press("ArrowDown");
  const second = under(widest, 2).sort((a, b) => b.value - a.value)[0];
  await starts(second, "down again");
  await page.keyboard.press("ArrowUp");
  await starts(widest, "up");
  await page.keyboard.press("Enter");
  same(await page.locator("#reset").isVisible(), true, "Enter zooms");
  await checkDetail(page, test, test.rows.findIndex(row => row.name === widest.name && row.source === widest.source));
  await page.keyboard.press("Escape");
  same(await page.locator("#reset").isVisible(), false, "Escape zooms out");
  same((await readDetail(page)) !== null, true, "and closes nothing else");
  await page.keyboard.press("Escape");
  same(await readDetail(page), null, "the next closes the panel");
  assert.ok(total > 0);
}

// A frame's colour: middle of its height, near its left edge, beside any letters.
const pixel = (page, share, level) => page.evaluate(([share, level, ROW]) => {
  const shown = document.getElementById("canvas"), ratio = devicePixelRatio;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [shown.width, shown.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(shown, 0, 0);
  return Array.from(context.getImageData(Math.round(share * canvas.width) + 2, Math.round((level * ROW + 2) * ratio), 1, 1).data).join();
}, [share, level, ROW]);

async function checkColours(page, test) {
  await page.mouse.move(1, 1);
  const wide = test.graphs[0].frames.filter(frame => frame.to - frame.from > 0.02 && frame.level > 0);
  const seen = new Map();
  for (const frame of wide) {
    const colour = await pixel(page, frame.from, frame.level);
    const [red, , blue] = colour.split(",").map(Number);
    same(blue > red, frame.wait, `hue of ${frame.name}: ${colour}`);
    const key = `${frame.name} ${frame.source} ${frame.wait}`;
    if (seen.has(key)) same(colour, seen.get(key), `one colour for ${key}`);
    seen.set(key, colour);
  }
  assert.ok(new Set(seen.values()).size > 3, "colours tell functions apart");
}

// Newer data comes in: what the reader had chosen stays.
async function checkRenderAgain(page, test) {
  await page.click("#head th[data-id=calls] button");
  await page.fill("#query", "s");
  await page.click("#body tr >> nth=1");
  await page.focus("#flame");
  for (const key of ["ArrowDown", "ArrowDown", "Enter"]) await page.keyboard.press(key);
  await page.click(`#metrics button >> nth=1`);
  const place = async () => ({ table: await readTable(page), detail: await readDetail(page), frame: await page.textContent("#frame"), matched: await page.textContent("#matched"), metric: await page.getAttribute("#metrics [aria-pressed=true]", "data-id"), sort: await page.getAttribute("#head th[data-id=calls]", "aria-sort") });
  const before = await place();
  same(await page.locator("#reset").isVisible(), true, "another metric keeps the zoom");
  await page.evaluate(() => profileCost.render(JSON.parse(document.getElementById("data").textContent)));
  same(await place(), before, "the same data again");
  same(await page.locator("#reset").isVisible(), true, "the same data keep the zoom");
  // Functions in another order, one of them called once more: indices change, places stay.
  const [i, calls] = await page.evaluate(() => {
    const data = JSON.parse(document.getElementById("data").textContent);
    const { functions, edges, paths } = data, rows = functions.calls.length;
    const turned = i => (i < rows ? rows - 1 - i : i);
    for (const column of Object.values(functions)) column.splice(0, rows, ...column.slice(0, rows).reverse());
    edges.caller = edges.caller.map(turned);
    edges.callee = edges.callee.map(turned);
    paths.function = paths.function.map(turned);
    const selected = turned(Number(document.querySelector("#body [aria-selected=true]").dataset.i));
    functions.calls[selected] += 1;
    profileCost.render(data);
    return [selected, functions.calls[selected]];
  });
  const after = await place();
  same([after.detail.name, after.matched, after.metric, after.sort], [before.detail.name, before.matched, before.metric, before.sort], "newer data: the place");
  same(after.frame, before.frame, "newer data: the zoom");
  const row = after.table.rows.find(r => r.selected);
  same([row.i, exact(row.cells.calls.title)], [i, calls], "newer data: the number");
}

async function checkPolicy(page) {
  // By whatever way markup may get in: it does not run, and nothing leaves.
  const broken = await page.evaluate(() => new Promise(done => {
    const seen = [];
    document.addEventListener("securitypolicyviolation", event => {
      seen.push(event.effectiveDirective);
      if (seen.length === 5) done(seen.sort());
    });
    const script = document.createElement("script");
    script.textContent = "document.title = 'ran'";
    document.body.append(script);
    const image = new Image();
    image.src = "https://example.invalid/x.png";
    document.body.insertAdjacentHTML("beforeend", "<b onclick=\"document.title = 'ran'\" style='color:red'>x</b>");
    document.body.lastChild.click();
    fetch("https://example.invalid/").catch(() => {});
  }));
  same(broken, ["connect-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"], "refused");
  same(await page.title(), "profile-cost report", "title");
}

async function checkSmallScreen(path) {
  const { page, close } = await open(path, { viewport: { width: 400, height: 800 } });
  await page.click("#body tr >> nth=0");
  same(await page.evaluate(() => document.documentElement.scrollWidth), 400, "nothing but the table scrolls sideways");
  const names = page.locator("#body .name >> nth=0");
  await page.locator("#table-box").evaluate(box => { box.scrollLeft = 500; });
  const place = await names.boundingBox();
  assert.ok(place.x >= 0 && place.x < 100, "names stay in sight");
  await close();
}

async function checkWithoutScript(path) {
  const { page, close } = await open(path, { javaScriptEnabled: false });
  assert.ok((await page.textContent("body")).includes("needs JavaScript"));
  same(await page.locator("noscript").isVisible(), true, "the page says what to do");
  await close();
}

// Names are text and nothing else.
async function checkTame(page, elements) {
  same(await page.title(), "profile-cost report", "title");
  const found = await page.evaluate(() => ({
    strange: Array.from(document.querySelectorAll("img,iframe,svg,object,embed,link,form,base,video,template,b,i"), e => e.outerHTML),
    scripts: document.scripts.length,
    styles: document.querySelectorAll("style").length,
    ids: new Set(Array.from(document.querySelectorAll("[id]"), e => e.id)).size === document.querySelectorAll("[id]").length,
    attributes: Array.from(document.querySelectorAll("*")).flatMap(e => Array.from(e.attributes, a => a.name)).filter(name => name.startsWith("on")),
  }));
  same(found, { strange: [], scripts: 2, styles: 1, ids: true, attributes: [] }, elements);
}

for (const test of cases) {
  const { page, close, wrong, context } = await open(test.page);
  const before = compared;
  try {
    await checkTame(page, test.name);
    if (test.rows.length === 0 && test.graphs.length === 0) {
      same(await page.locator("#empty").isVisible(), test.is_empty, "what to do without calls");
    }
    same(await page.evaluate(() => Array.from(document.querySelectorAll("#notes li"), li => li.textContent)), test.notes, "notes");
    const figures = await page.evaluate(() => Object.fromEntries(Array.from(document.querySelectorAll("#figures div"), div => [div.querySelector("dt").textContent, [div.querySelector("dd").textContent, div.title]])));
    same(figures.calls[0], test.calls.toLocaleString("en-US"), "calls");
    same(exact(figures.calls[1] || figures.calls[0]), test.primitive_calls, "primitive calls");
    same(figures.functions[0], test.rows.length.toLocaleString("en-US"), "functions");
    near(exact(figures["in them"][1]), test.ns, "time in them");
    if (test.wall_ns > 0) near(exact(figures["wall time"][1]), test.wall_ns, "wall time");
    if (test.threads > 0) same((figures.threads || figures.thread)[0], String(test.threads), "threads");
    if (!test.is_empty) {
      await showAll(page);
      checkTable(await readTable(page), test);
    }
    if (test.thorough) {
      same(await order(page), sorted(test, test.rows.map((_, i) => i), "cumulative", true), "dearest first");
      await checkColours(page, test);
      await checkSorting(page, test);
      await checkKeysInTable(page, test);
      await checkSelection(page, test);
      await checkHistory(page, test);
      await checkSearches(page, test);
      await checkGraph(page, test);
      await checkGraphKeys(page, test);
      await checkRenderAgain(page, test);
      await checkSmallScreen(test.page);
      await checkWithoutScript(test.page);
    } else if (!test.is_empty) {
      // Each function's panel, through the address as a link would; and the graph's first level.
      for (let i = 0; i < Math.min(test.rows.length, 25); i++) {
        await page.locator(`#body tr[data-i="${i}"]`).evaluate(tr => tr.click());
        if (test.are_names_apart) await checkDetail(page, test, i);
        else assert.ok(await readDetail(page));
      }
      await page.keyboard.press("Escape");
      for (const graph of test.graphs) {
        await page.click(`#metrics button[data-id="${graph.metric}"]`);
        const box = await graphBox(page);
        const top = graph.frames.find(frame => frame.level === 0);
        const lines = await tipAt(page, box, 0.5, 0);
        near(exact(/\((.*?)\)/.exec(lines[1])[1]), top.value, `${graph.metric}, all`);
        if (!test.are_names_apart) continue;
        for (const frame of graph.frames.filter(f => f.level > 0 && f.to - f.from > 3 / box.width && (f.level + 1) * ROW < box.height).slice(0, 30)) {
          checkTip(await tipAt(page, box, (frame.from + frame.to) / 2, frame.level), frame, top.value, null, `${graph.metric}, level ${frame.level}`);
        }
      }
      await page.keyboard.press("End");
      await page.fill("#query", "<");
      await page.fill("#query", "");
    }
    await checkTame(page, test.name);
    same(wrong, [], test.name);
    if (test.thorough) {
      await checkPolicy(page);
      await context.close();
    } else {
      await close();
    }
  } catch (error) {
    console.log(`${test.name} (${test.page}):\n${error.stack}\n${wrong.join("\n")}`);
    process.exit(1);
  }
  console.log(`${test.name}: ${compared - before} comparisons`);
}
await browser.close();
