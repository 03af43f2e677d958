import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CreatedEmbedToken } from '../../../src/api/embed-contract.ts';
import { type Host, startHost } from '../../support/dashboards-host.ts';
import { type DashboardsWorld, requestSpans } from '../../support/dashboards-world.ts';

const TENANT = 'embed-co';

/** The usage page in a frame of another origin, over the real server. Tenantry is at localhost, its hosts at 127.0.0.1. */
export function embedSuite(world: () => DashboardsWorld): void {
  let stranger: Host;

  const mint = async (body: object = {}) => {
    const answer = await world().tenantry.ask<CreatedEmbedToken>('/v1/embed-tokens', {
      ...{ method: 'POST', body: { tenant_id: TENANT, ...body } },
    });
    expect(answer.status).toBe(201);
    return answer.body;
  };

  /** The host's page with the component, and its backend that makes tokens of `life` seconds. */
  function serve(host: Host, attributes = '', life = 900): void {
    host.asked = 0;
    host.newToken = async () => (await mint({ expires_in_seconds: life })).token;
    host.html = `<!doctype html><html lang="en"><title>Host</title>
      <script src="${world().tenantry.url}/embed/tenantry-usage.js"></script>
      <tenantry-usage token-url="/usage-token" ${attributes}></tenantry-usage>`;
  }

  const serveFrame = (host: Host, path: string) => {
    host.html = `<!doctype html><html lang="en"><title>Host</title><iframe src="${world().tenantry.url}${path}"></iframe>`;
  };

  const frameOf = (page: Page) => page.frameLocator('tenantry-usage iframe');
  /** Of what must never happen, the host's own pages are no part. */
  const faultsBeside = (faults: readonly string[]) => faults.filter((fault) => !fault.includes(world().host.origin));

  beforeAll(async () => {
    stranger = await startHost();
    const start = world().seededTo - 600_000;
    await world().send([0, 1, 2, 3, 4].flatMap((index) => requestSpans(TENANT, index, start + index)));
  });

  afterAll(() => stranger.close());

  it('shows the tenant of the token, as a viewer, whoever is signed in beside', async () => {
    // The browser holds the session of an admin; the frame must have nothing of it.
    const { page, faults } = await world().signedIn('admin');
    const cookies: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(`${world().tenantry.url}/v1/`) || request.frame() === page.mainFrame()) return;
      cookies.push(request.headers()['cookie'] ?? 'none');
    });
    const { host } = world();
    serve(host, 'theme="dark" accent="0a7d5a"');
    await page.goto(`${host.origin}/app`);
    const frame = frameOf(page);
    await frame.getByTestId('total-requests').waitFor();
    expect(await frame.getByTestId('total-requests').locator('.tile-value').textContent()).toBe('5');
    expect(host.asked).toBe(1);
    expect(await frame.getByRole('link', { name: 'Members' }).count()).toBe(0);
    expect(await frame.getByTestId('statement').count()).toBe(0);

    const look = await frame.locator('html').evaluate((root) => ({
      theme: root.getAttribute('data-theme'),
      accent: root.getAttribute('style'),
      address: String(root.ownerDocument.location),
    }));
    expect(look).toMatchObject({ theme: 'dark', accent: expect.stringContaining('--accent: #0a7d5a') });
    expect(look.address).not.toContain('token');
    expect(new Set(cookies)).toEqual(new Set(['none']));
    // As high as what it shows, so that nothing scrolls inside.
    const fits = () =>
      frame.locator('html').evaluate((root) => root.scrollHeight - root.clientHeight <= 1 && root.clientHeight > 320);
    await expect.poll(fits).toBe(true);
    expect(faultsBeside(faults)).toEqual([]);
  });

  it('renews its token from its host before it ends', async () => {
    const { page, faults } = await world().signedIn('viewer', { tenantId: 'acme' });
    await page.clock.install();
    const { host } = world();
    serve(host, '', 60);
    await page.goto(`${host.origin}/app`);
    await frameOf(page).getByTestId('total-requests').waitFor();
    expect(host.asked).toBe(1);
    await page.clock.fastForward(50_000);
    await expect.poll(() => host.asked).toBe(2);
    expect(await frameOf(page).getByTestId('embed-expired').count()).toBe(0);
    expect(faultsBeside(faults)).toEqual([]);
  });

  it('works as a plain frame with the token in its address, and stops when the token is taken back', async () => {
    const { page } = await world().signedIn('viewer', { tenantId: 'acme' });
    const { id, token } = await mint({ views: ['usage'] });
    serveFrame(world().host, `/embed/usage#token=${token}`);
    await page.goto(`${world().host.origin}/plain`);
    const frame = page.frameLocator('iframe');
    await frame.getByTestId('total-requests').waitFor();
    expect(await frame.getByTestId('period').count()).toBe(0);
    await world().tenantry.ask(`/v1/embed-tokens/${id}`, { method: 'DELETE' });
    await page.reload();
    await frame.getByTestId('embed-expired').waitFor();
  });

  it('is refused to every other origin, and so is every other page to this one', async () => {
    const { page, faults } = await world().signedIn('viewer', { tenantId: 'acme' });
    serve(stranger);
    await page.goto(`${stranger.origin}/app`);
    await expect.poll(() => faults.join('\n')).toContain('frame-ancestors');
    expect(await frameOf(page).getByTestId('embedded').count()).toBe(0);
    expect(stranger.asked).toBe(0);

    faults.length = 0;
    serveFrame(world().host, '/usage');
    await page.goto(`${world().host.origin}/other`);
    await expect.poll(() => faults.join('\n')).toMatch(/frame-ancestors|X-Frame-Options/);
    expect(await page.frameLocator('iframe').getByRole('heading').count()).toBe(0);
  });
}
