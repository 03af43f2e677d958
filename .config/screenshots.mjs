/**
 * Pictures of every page for the READMEs, from a running demo: `npm run demo`, wait a few minutes, then
 * `npm run screenshots -- '<sign-in link>'`. Needs Debian's chromium (or CHROMIUM_PATH).
 */
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [link] = process.argv.slice(2);
if (link === undefined) {
  console.error(
    "Give a sign-in link: npm run screenshots -- 'http://localhost:7070/signin?code=…' (the demo prints one).",
  );
  process.exit(1);
}
const FOLDER = 'dashboards/screenshots';
const WIDTHS = [1280, 390];
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

mkdirSync(FOLDER, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: FLAGS,
});
const context = await browser.newContext({ deviceScaleFactor: 1 });
const page = await context.newPage();
await page.goto(link);
await page.getByTestId('tenant-row').first().waitFor();
const origin = new URL(page.url()).origin;
const tenant = await page.getByTestId('tenant-row').first().getAttribute('data-tenant');
for (const scheme of ['light', 'dark']) {
  for (const width of WIDTHS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    for (const [name, path, ready] of [
      ['tenants', '/?range=15m', 'tenant-row'],
      ['tenant', `/tenants/${encodeURIComponent(tenant)}?range=15m`, 'tenant-figures'],
    ]) {
      await page.goto(origin + path);
      await page.getByTestId(ready).first().waitFor();
      await page.waitForLoadState('networkidle', { timeout: 5_000 }).catch(() => undefined);
      const file = `${FOLDER}/${name}-${width}-${scheme}.png`;
      await page.screenshot({ path: file, fullPage: name === 'tenant' });
      console.log(file);
    }
  }
}
await browser.close();
