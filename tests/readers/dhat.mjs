// Opens files in DHAT's viewer, as a person does, in headless Chromium: node dhat.mjs DH_VIEW.HTML FILE.. Prints a JSON
// list, for each file of what the viewer shows: the text of its page.

import { pathToFileURL } from "node:url";

import { browser } from "./browser.mjs";

const [viewer, ...files] = process.argv.slice(2);
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
