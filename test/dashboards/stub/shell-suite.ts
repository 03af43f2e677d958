import type { Browser, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { manyTenants } from '../../support/dashboards-data.ts';
import type { DashboardsStub } from '../../support/dashboards-stub.ts';
import { openBeforeEach } from '../../support/dashboards-stub-page.ts';

/** The frame around all pages, over fixed answers. */
export function shellSuite(browser: () => Browser): void {
  let stub: DashboardsStub;
  let page: Page;

  openBeforeEach(browser, (opened) => {
    ({ stub, page } = opened);
    stub.state.tenants = manyTenants();
  });

  const open = async (path = '/') => {
    await page.goto(stub.url + path);
    await page.getByTestId('who').waitFor();
  };
  const focused = (what: string) => page.evaluate(`document.activeElement.${what}`);
  const option = (name: string) => page.getByRole('option', { name });
  const chosenOption = () => page.locator('[role="option"][aria-selected="true"] .palette-label').textContent();

  describe('the navigation', () => {
    it('marks the page that is open, keeps the range, and folds away for good', async () => {
      await open('/?range=6h');
      const link = page.getByTestId('nav').getByRole('link', { name: 'Tenants' });
      expect(await link.getAttribute('aria-current')).toBe('page');
      expect(await link.getAttribute('href')).toBe('/?range=6h');
      await page.getByTestId('tenant-row').first().getByRole('link').click();
      await page.getByTestId('nav').locator('[aria-current="true"]', { hasText: 'Tenants' }).waitFor();
      await page.getByTestId('nav-toggle').click();
      await page.getByTestId('nav').waitFor({ state: 'detached' });
      expect(await page.getByTestId('nav-toggle').getAttribute('aria-expanded')).toBe('false');
      await open();
      expect(await page.getByTestId('nav').count()).toBe(0);
      await page.keyboard.press('[');
      await page.getByTestId('nav').waitFor();
    });

    it('is a drawer on a phone: the focus stays in it, Escape closes it and gives the focus back', async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(stub.url);
      await page.getByTestId('tenant-row').first().waitFor();
      expect(await page.getByTestId('nav').count()).toBe(0);
      await page.getByTestId('nav-toggle').click();
      await page.getByTestId('nav-drawer').getByRole('button', { name: 'Sign out' }).waitFor();
      const inside = () =>
        page.evaluate('document.activeElement.closest("dialog") !== null || document.activeElement === document.body');
      for (let step = 0; step < 12; step += 1) {
        await page.keyboard.press('Tab');
        expect(await inside()).toBe(true);
      }
      await page.keyboard.press('Escape');
      await page.getByTestId('nav-drawer').waitFor({ state: 'detached' });
      expect(await focused('dataset.testid')).toBe('nav-toggle');
      await page.getByTestId('nav-toggle').click();
      await page.mouse.click(380, 400);
      await page.getByTestId('nav-drawer').waitFor({ state: 'detached' });
    });

    it('offers a tenant role nothing of the staff, and says so on an address of theirs', async () => {
      stub.state.who = { subject: 'vic', role: 'viewer', tenant_id: 'acme-corp', tenants: null, expires_at: null };
      await open('/tenants/acme-corp');
      expect(await page.getByTestId('error-state').textContent()).toContain('role viewer');
      expect(await page.getByRole('link', { name: 'Tenants' }).count()).toBe(0);
      await open('/?range=6h');
      await page.waitForURL(`${stub.url}/usage?range=6h`);
      expect(await page.getByTestId('tenant-row').count()).toBe(0);
    });

    it('says to people of several tenants which one is open, and how another is opened', async () => {
      stub.state.who = {
        ...{ subject: 'vic', role: 'viewer', tenant_id: 'acme-corp', expires_at: null },
        tenants: ['acme-corp', 'globex', '<b>initech'],
      };
      await open('/usage');
      await page.getByTestId('other-tenants').getByText('and 2 more').waitFor();
      await page.getByTestId('other-tenants').click();
      const dialog = page.getByTestId('other-tenants-dialog');
      expect(await dialog.getByRole('listitem').allTextContents()).toEqual(['acme-corp open', 'globex', '<b>initech']);
      expect(await dialog.textContent()).toContain('sign in again');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      stub.state.who = { ...stub.state.who, tenants: ['acme-corp'] };
      await open('/usage?range=6h');
      await page.getByTestId('who').waitFor();
      expect(await page.getByTestId('other-tenants').count()).toBe(0);
    });
  });

  describe('the palette', () => {
    it('is a combobox: arrows choose, Enter opens, the range stays, Escape gives the focus back', async () => {
      await open('/?range=6h');
      await page.getByTestId('palette-open').focus();
      await page.keyboard.press('Control+k');
      await page.keyboard.type('corp');
      await option('acme-corp').waitFor();
      const field = page.getByRole('combobox');
      expect(await field.getAttribute('aria-expanded')).toBe('true');
      const active = await field.getAttribute('aria-activedescendant');
      expect(await page.locator(`#${active}`).getAttribute('aria-selected')).toBe('true');
      expect(await chosenOption()).toBe('acme-corp');
      await page.keyboard.press('ArrowDown');
      expect(await chosenOption()).toBe('oscorp');
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('ArrowUp');
      expect(await chosenOption()).toBe('capsule-corp');
      await page.keyboard.press('Escape');
      expect(await focused('dataset.testid')).toBe('palette-open');
      await page.keyboard.press('Control+k');
      await page.keyboard.type('globex');
      await option('globex').waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`${stub.url}/tenants/globex?range=6h`);
    });

    it('asks the server once for what was typed without a pause', async () => {
      await open();
      await page.keyboard.press('Control+k');
      const searches = () => stub.requests.filter(({ url }) => url.includes('q='));
      await page.keyboard.type('stark');
      await option('stark-industries').waitFor();
      expect(searches().map(({ url }) => new URL(url, stub.url).searchParams.get('q'))).toEqual(['stark']);
    });

    it('opens in a new tab with Ctrl and Enter, and stays', async () => {
      await open();
      await page.keyboard.press('Control+k');
      await page.keyboard.type('hooli');
      await option('hooli').waitFor();
      const opened = page.context().waitForEvent('page');
      await page.keyboard.press('Control+Enter');
      expect(new URL((await opened).url()).pathname).toBe('/tenants/hooli');
      await expect.poll(() => page.getByTestId('palette').count()).toBe(1);
    });

    it('remembers where somebody was, and forgets it when they sign out', async () => {
      await open('/tenants/globex?range=6h');
      await open();
      await page.keyboard.press('Control+k');
      await option('globex').click();
      await page.waitForURL(`${stub.url}/tenants/globex?range=6h`);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByTestId('sign-in-needed').waitFor();
      expect(await page.evaluate('localStorage.getItem("tenantry.recent")')).toBeNull();
    });

    it('does what its actions say', async () => {
      await open();
      const act = async (text: string) => {
        await page.keyboard.press('Control+k');
        await page.keyboard.type(text);
        await page.keyboard.press('Enter');
      };
      await act('theme dark');
      expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
      await act('times in utc');
      await page.getByTestId('zone-toggle').getByText('Times in UTC', { exact: true }).waitFor();
      await act('another time zone');
      await page.getByTestId('zone-dialog').waitFor();
    });

    it('says so when nothing fits', async () => {
      await open();
      await page.keyboard.press('Control+k');
      await page.keyboard.type('no such thing');
      await page.getByRole('status').getByText('Nothing has these words.').waitFor();
      expect(await page.getByRole('combobox').getAttribute('aria-expanded')).toBe('false');
    });
  });

  describe('shortcuts', () => {
    it('are listed with ?, and copying says what came of it', async () => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: stub.url });
      await open('/?range=6h');
      await page.keyboard.press('?');
      await page.getByTestId('shortcuts').getByText('Copy a link to what is shown').waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('g');
      await page.keyboard.press('y');
      await page.getByRole('status').getByText('Link copied').waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`${stub.url}/?range=6h`);
    });

    it('do nothing while somebody types, and find the search field of the page', async () => {
      await open();
      await page.getByTestId('tenant-row').first().waitFor();
      await page.keyboard.press('/');
      expect(await focused('type')).toBe('search');
      await page.keyboard.type('?[');
      expect(await page.getByTestId('search').inputValue()).toBe('?[');
      expect(await page.getByTestId('shortcuts').count()).toBe(0);
    });
  });

  describe('times', () => {
    it('are shown in any zone, which stays chosen; a wrong name is explained', async () => {
      await open('/tenants/globex?from=2026-01-15T12:00:00Z&to=2026-01-15T13:00:00Z');
      await page.getByTestId('zone-toggle').click();
      const dialog = page.getByTestId('zone-dialog');
      await dialog.getByLabel('Another zone').fill('Mars/Olympus');
      await page.keyboard.press('Enter');
      await dialog.getByText('There is no time zone “Mars/Olympus”.').waitFor();
      await dialog.getByLabel('Another zone').fill('asia/kathmandu');
      await page.keyboard.press('Enter');
      const custom = page.getByTestId('range-custom');
      await custom.getByText('15 Jan 17:45 – 18:45').waitFor();
      await page.reload();
      await custom.getByText('15 Jan 17:45 – 18:45').waitFor();
    });

    it('are chosen from and to in the zone, walked through, and left for now; the URL says all of it', async () => {
      await open('/?q=corp');
      await page.getByTestId('zone-toggle').click();
      await page.getByTestId('zone-dialog').getByLabel('Another zone').fill('Europe/Berlin');
      await page.keyboard.press('Enter');
      await page.getByTestId('range-custom').click();
      const dialog = page.getByTestId('range-dialog');
      await dialog.getByLabel('From').fill('2026-01-15T13:00');
      await dialog.getByLabel('To').fill('2026-01-15T12:00');
      await dialog.getByRole('button', { name: 'Show' }).click();
      await dialog.getByText('The end must be after the start.').waitFor();
      await dialog.getByLabel('To').fill('2026-01-15T14:00');
      await dialog.getByRole('button', { name: 'Show' }).click();
      const range = () => Object.fromEntries(new URL(page.url()).searchParams);
      await page.getByTestId('range-custom').getByText('15 Jan 13:00 – 14:00').waitFor();
      expect(range()).toEqual({ q: 'corp', from: '2026-01-15T12:00:00.000Z', to: '2026-01-15T13:00:00.000Z' });
      await page.getByRole('button', { name: 'Earlier' }).click();
      await page.getByTestId('range-custom').getByText('15 Jan 12:00 – 13:00').waitFor();
      await page.getByRole('button', { name: 'Later' }).click();
      await page.getByTestId('range-custom').getByText('15 Jan 13:00 – 14:00').waitFor();
      await page.getByRole('button', { name: 'Now' }).click();
      await page.waitForURL(`${stub.url}/?q=corp`);
      expect(await page.getByRole('button', { name: 'Later' }).isDisabled()).toBe(true);
    });
  });
}
