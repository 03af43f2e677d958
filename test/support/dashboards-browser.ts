import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { readPages } from './dashboards-stub.ts';

/** The shell without a browser around it needs a third less of the time for the same pages. */
const PLACES = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? PLACES.find((path) => existsSync(path)) ?? '';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why the browser tests cannot run here; undefined where they can. */
export const NO_BROWSER = existsSync(CHROMIUM)
  ? undefined
  : `no Chromium at ${PLACES.join(' or ')}: install it (Debian: apt-get install chromium-headless-shell) or set CHROMIUM_PATH`;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

export function builtPages(): Map<string, Buffer> {
  return readPages(fileURLToPath(new URL('../../dist/dashboards', import.meta.url)));
}

export interface WatchedPage {
  readonly page: Page;
  /** Everything that must never happen: script errors, CSP violations, dialogs, requests to other origins. */
  readonly faults: string[];
}

const REPORT_VIOLATIONS = `
  window.addEventListener('securitypolicyviolation', (event) =>
    console.error('CSP violation: ' + event.violatedDirective + ' ' + event.blockedURI), true);
`;

/** A fresh page of its own context that keeps a record of its faults. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await context.addInitScript(REPORT_VIOLATIONS);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => undefined);
  });
  page.on('console', (message) => {
    // Chromium itself logs each API answer of 4xx and 5xx; those are what some tests are about.
    const isApiAnswer =
      message.location().url.startsWith(`${origin}/v1/`) && message.text().startsWith('Failed to load');
    if (['error', 'warning'].includes(message.type()) && !isApiAnswer) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) faults.push(`foreign request: ${request.url()}`);
  });
  return { page, faults };
}
