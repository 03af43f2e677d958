/**
 * Pictures of every page for dashboards/README.md, from a running demo: `npm run demo`, wait some five minutes, then
 * `npm run screenshots -- '<sign-in link of admin>'`. Needs Debian's chromium (or CHROMIUM_PATH).
 * `--all`: at 390, 1280 and 1920 px, light and dark, into a folder of your own (`--to <folder>`).
 */
import { existsSync, mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    to: { type: 'string', default: 'dashboards/screenshots' },
    only: { type: 'string' },
  },
});
const [link] = positionals;
if (link === undefined) {
  console.error(
    "Give a sign-in link: npm run screenshots -- 'http://localhost:7070/signin?code=…' (the demo prints one).",
  );
  process.exit(1);
}
const VIEWS = values.all
  ? [390, 1280, 1920].flatMap((width) => ['light', 'dark'].map((scheme) => ({ width, scheme })))
  : [
      { width: 1280, scheme: 'light' },
      { width: 390, scheme: 'dark' },
    ];
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
/** Longer pages are cut: what is further down is one scroll away. */
const TALLEST = 2_400;

mkdirSync(values.to, { recursive: true });
const browser = await chromium.launch({
  executablePath:
    process.env.CHROMIUM_PATH ??
    ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((path) => existsSync(path)),
  args: FLAGS,
});
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
await page.goto(link);
const origin = new URL(page.url()).origin;
await page.locator('nav a[href^="/"]').first().waitFor();
const links = await page.locator('nav a[href^="/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
await page.getByTestId('tenant-row').first().waitFor();
const tenant = encodeURIComponent(await page.getByTestId('tenant-row').first().getAttribute('data-tenant'));
const paths = new Map(
  [...new Set(links)].map((href) => [href === '/' ? 'tenants' : href.slice(1).replaceAll('/', '-'), href]),
);
paths.set('tenant', `/tenants/${tenant}`);
paths.set('tenant-cost', `/costs/${tenant}`);
paths.set('tenant-sheet', `/customers/${tenant}/sheet`);
paths.set('tenant-usage', `/tenants/${tenant}/usage`);
const traces = await page.evaluate(async (id) => {
  const answer = await fetch(`/v1/tenants/${id}/traces?order=slowest&limit=1`);
  return answer.ok ? (await answer.json()).items : [];
}, tenant);
if (traces[0]) paths.set('trace', `/tenants/${tenant}/traces/${traces[0].trace_id}`);

for (const [name, path] of paths) {
  if (values.only !== undefined && values.only !== name) continue;
  for (const { width, scheme } of VIEWS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await page.goto(origin + path);
    await page.locator('main h1').first().waitFor();
    await page.waitForLoadState('networkidle', { timeout: 4_000 }).catch(() => undefined);
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    // Sections load as they come near: a tall window has them all near.
    await page.setViewportSize({ width, height: Math.max(900, Math.min(TALLEST, height)) });
    await page.waitForLoadState('networkidle', { timeout: 4_000 }).catch(() => undefined);
    const file = `${values.to}/${name}-${width}-${scheme}.png`;
    await page.screenshot({ path: file });
    console.log(file);
  }
}
await browser.close();
