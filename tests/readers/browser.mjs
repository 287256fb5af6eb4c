// The browser that the scripts here read with: headless Chromium. PROFILE_COST_NODE_MODULES says where playwright-core is,
// PROFILE_COST_CHROMIUM where Chromium is.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const modules =
  process.env.PROFILE_COST_NODE_MODULES || join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const { chromium } = createRequire(join(modules, "browser.cjs"))("playwright-core");

export const browser = await chromium.launch({
  executablePath: process.env.PROFILE_COST_CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
