import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { type Role, STAFF_ROLES, TENANT_ROLES } from '../../../src/domain/roles.ts';
import { barriers, goTo, looksWrong, settled } from '../../support/dashboards-walk.ts';
import { type DashboardsWorld, WORLD_TENANTS } from '../../support/dashboards-world.ts';

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const TENANT_IDS: ReadonlySet<string> = new Set(WORLD_TENANTS.map(({ id }) => id));

/** Addresses that the navigation offers, in its order. */
async function navigation(page: Page): Promise<string[]> {
  await page.getByTestId('nav').getByRole('link').first().waitFor();
  const links = page.getByTestId('nav').getByRole('link');
  return links.evaluateAll((found) => found.map((link) => link.getAttribute('href') ?? ''));
}

/** Which page an address is of: pages of two tenants are the same page. */
function kindOf(path: string): string {
  const parts = path.split(/[?#]/)[0]?.split('/') ?? [];
  return parts.map((part) => (TENANT_IDS.has(decodeURIComponent(part)) ? ':tenant' : part)).join('/');
}

/** Addresses within the app that the open page links to. */
async function linksOf(page: Page): Promise<string[]> {
  const links = await page
    .locator('main a[href^="/"]')
    .evaluateAll((found) => found.map((link) => link.getAttribute('href')));
  return links.filter((href): href is string => href !== null && !/^\/(v1|\/|openapi|metrics)/.test(href));
}

/** Pages that were looked at closely: what a page is made of is the same for every role that sees it. */
const examined = new Set<string>();

async function resize(page: Page, size: typeof DESK): Promise<void> {
  await page.setViewportSize(size);
  // The frame has taken the new width in once its navigation is beside the page, or no longer is.
  await page.getByTestId('nav').waitFor({ state: size === DESK ? 'attached' : 'detached' });
}

/** Every page in one scheme of colours, every second one dark: all of them are made of the same few colours. */
async function examine(page: Page): Promise<string[]> {
  const colorScheme = examined.size % 2 === 0 ? 'dark' : 'light';
  await page.emulateMedia({ colorScheme });
  const wrong = (await barriers(page)).map((text) => `in ${colorScheme}: ${text}`);
  await resize(page, PHONE);
  wrong.push(...(await looksWrong(page)).map((text) => `on a phone: ${text}`));
  await resize(page, DESK);
  return wrong;
}

async function look(page: Page, path: string): Promise<string[]> {
  await settled(page);
  const wrong = await looksWrong(page);
  if (!examined.has(kindOf(path))) {
    examined.add(kindOf(path));
    wrong.push(...(await examine(page)));
  }
  return wrong.map((text) => `${path} ${text}`);
}

/** Every page of the navigation, whatever is added to it, and what the pages link to. */
export function everyPageSuite(world: () => DashboardsWorld): void {
  const signedIn = async (role: Role) => {
    const isTenantRole = TENANT_ROLES.some((name) => name === role);
    const watched = await world().signedIn(role, isTenantRole ? { tenantId: 'acme' } : {});
    await watched.page.goto(world().tenantry.url);
    return watched;
  };

  let offeredToAdmins: readonly string[] = [];
  /** What an admin's navigation offers. */
  const adminPaths = async () => {
    if (offeredToAdmins.length > 0) return offeredToAdmins;
    const { page } = await signedIn('admin');
    offeredToAdmins = await navigation(page);
    await page.context().close();
    return offeredToAdmins;
  };

  it.each([...STAFF_ROLES, ...TENANT_ROLES])(
    '%s: every page has its heading, fits, and shuts nobody out',
    async (role) => {
      const { page, faults } = await signedIn(role);
      const wrong: string[] = [];
      const further = new Set<string>();
      const offered = await navigation(page);
      if (role === 'admin') offeredToAdmins = offered;
      for (const path of offered) {
        await goTo(page, path);
        await page.getByTestId('nav').locator(`a[aria-current="page"][href="${path}"]`).waitFor();
        wrong.push(...(await look(page, path)));
        for (const link of await linksOf(page)) further.add(link);
      }
      for (const path of further) {
        if (examined.has(kindOf(path))) continue;
        await goTo(page, path);
        wrong.push(...(await look(page, path)));
      }
      expect(offered.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
      expect(faults).toEqual([]);
      await page.context().close();
    },
  );

  it('asks whoever is signed out to sign in, on every page, and gives every shortcut to one page only', async () => {
    const { page, faults } = await signedIn('admin');
    const paths = await navigation(page);
    await page.keyboard.press('?');
    const lines = await page.getByTestId('shortcuts').locator('dt').allTextContents();
    expect(lines.length).toBeGreaterThan(8);
    expect(new Set(lines).size).toBe(lines.length);

    await page.context().clearCookies();
    await page.reload();
    const silent: string[] = [];
    for (const path of paths) {
      await goTo(page, path);
      const needed = page.getByTestId('sign-in-needed').first();
      await needed.waitFor({ timeout: 5_000 }).catch(() => silent.push(path));
    }
    expect(silent).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it('tells a tenant role that a page of the staff is not for it, and shows nothing of it', async () => {
    const paths = await adminPaths();
    const { page, faults } = await signedIn('viewer');
    const own = await navigation(page);
    // Away from the own usage page, which goes on asking.
    await page.goto(`${world().tenantry.url}/elsewhere`);
    await page.waitForLoadState('networkidle');
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    const silent: string[] = [];
    for (const path of paths.filter((each) => each !== '/' && !own.includes(each))) {
      await goTo(page, path);
      const said = await page.getByTestId('error-state').first().textContent();
      if (!said?.includes('not for your role')) silent.push(path);
    }
    expect(silent).toEqual([]);
    expect(asked.filter((path) => path.startsWith('/v1/') && path !== '/v1/whoami')).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it('says on every page that the server is away', async () => {
    const paths = await adminPaths();
    const { page, faults } = await world().signedIn('admin');
    await page.goto(`${world().tenantry.url}/elsewhere`);
    // The code of the pages still comes; the figures do not.
    await page.route('**/v1/**', (route) => route.abort('connectionrefused'));
    const silent: string[] = [];
    for (const path of paths) {
      await goTo(page, path);
      const said = page
        .locator('main')
        .getByText(/cannot be reached/)
        .first();
      await said.waitFor({ timeout: 5_000 }).catch(() => silent.push(path));
    }
    expect(silent).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  });
}
