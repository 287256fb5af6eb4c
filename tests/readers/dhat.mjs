// Opens files in DHAT's viewer, as a person does, in headless Chromium: node dhat.mjs DH_VIEW.HTML FILE.. Prints a JSON
// list, for each file of what the viewer shows: the text of its page. PROFILE_COST_NODE_MODULES says where
// playwright-core is.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = process.env.PROFILE_COST_NODE_MODULES || join(here, "node_modules");
const { chromium } = createRequire(join(modules, "dhat.cjs"))("playwright-core");

const [viewer, ...files] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.PROFILE_COST_CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const shown = [];
for (const file of files) {
  const page = await (await browser.newContext({ offline: true })).newPage();
  const errors = [];
  page.on("pageerror", error => errors.push(String(error)));
  await page.goto(pathToFileURL(viewer).href);
  await page.setInputFiles("input[type=file]", file);
  // The viewer clears the page, and fills it when the file is read; a mistake in the file is shown there too.
  await page.waitForFunction(() => /Allocated at|rror/.test(document.body.innerText));
  shown.push({ text: await page.evaluate(() => document.body.innerText), title: await page.title(), errors });
  if (process.env.PROFILE_COST_SHOT) await page.screenshot({ path: process.env.PROFILE_COST_SHOT });
  await page.close();
}
await browser.close();
process.stdout.write(JSON.stringify(shown));
