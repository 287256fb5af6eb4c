// Opens files in speedscope's own page, in headless Chromium with the network refused, and prints what speedscope read:
// node speedscope.mjs CASES.json, an array of {file, screenshot?}. On stdout one JSON array with for each case
// {profiles, frames, tables, title, wrong}: what speedscope writes when it is told to save (its own reading, exact), what its
// Sandwich view shows of each profile, and whatever should not have happened.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { browser, modules } from "./browser.mjs";

const index = pathToFileURL(join(modules, "speedscope/dist/release/index.html")).href;

const work = mkdtempSync(join(tmpdir(), "speedscope-"));

async function read({ file, screenshot }, number) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, offline: true, acceptDownloads: true });
  await context.route(/^(?!file:|blob:|data:)/, route => route.abort());
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", error => wrong.push(`error: ${error.stack}`));
  page.on("dialog", dialog => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", message => { if (message.type() === "error") wrong.push(`console: ${message.text()}`); });
  page.on("request", request => { if (!/^(file|blob|data):/.test(request.url())) wrong.push(`request: ${request.url()}`); });

  // As speedscope's own command does it: the profile as a script beside the page.
  const script = join(work, `${number}.js`);
  const content = readFileSync(file).toString("base64");
  writeFileSync(script, `speedscope.loadFileFromBase64(${JSON.stringify(`case-${number}.json`)}, ${JSON.stringify(content)})`);
  await page.goto(`${index}#localProfilePath=${script}`);
  await page.waitForFunction(() => /Sandwich/.test(document.body.innerText) || /Something went wrong/.test(document.body.innerText));
  if (screenshot) {
    // The third view shows the heaviest to the left.
    await page.keyboard.press("2");
    await page.screenshot({ path: screenshot });
  }
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Control+s")]);
  const saved = JSON.parse(readFileSync(await download.path(), "utf8"));
  const title = await page.title();

  // The Sandwich view of each profile; `n` goes to the next.
  await page.keyboard.press("3");
  const tables = [];
  for (let i = 0; i < saved.profiles.length; i++) {
    await page.waitForSelector("table", { state: "attached" });
    tables.push(await page.$$eval("table tr", rows => rows.map(row => Array.from(row.children, cell => cell.innerText.trim())).filter(cells => cells.length > 2)));
    if (screenshot && i === 0) await page.screenshot({ path: screenshot.replace(/\.png$/, ".sandwich.png") });
    await page.keyboard.press("n");
  }
  await context.close();
  return { profiles: saved.profiles, frames: saved.shared.frames, tables, title, wrong };
}

try {
  const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const results = [];
  for (const [number, one] of cases.entries()) results.push(await read(one, number));
  process.stdout.write(JSON.stringify(results));
} finally {
  await browser.close();
  rmSync(work, { recursive: true, force: true });
}
