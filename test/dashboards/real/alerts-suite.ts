import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AlertList, AlertRouteList, CreatedKey, MuteList } from '../../../src/api/contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import { until } from '../../support/flow-waiting.ts';

const TENANT = 'ops-alert';

/** A webhook's receiver that answers as it is told. */
class Receiver {
  status = 403;
  readonly got: { headers: IncomingHttpHeaders; body: string }[] = [];
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      this.got.push({ headers: request.headers, body });
      response.writeHead(this.status).end();
    });
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Alerts, mutes and routes, over the real server and a real receiver. */
export function alertsSuite(world: () => DashboardsWorld): void {
  const receiver = new Receiver();
  let address = '';
  const ask = async <Body>(path: string, options = {}) => (await world().tenantry.ask<Body>(path, options)).body;
  const alertsOf = async () => (await ask<AlertList>(`/v1/alerts?tenant_id=${TENANT}`)).items;

  /** Most of a spend cap is used up, as an app reports it: that is what alerts are raised for. */
  const spend = async () => {
    const cap = { period: 'month', amount_micro: 1_000_000, currency: 'USD' };
    await ask(`/v1/caps/${TENANT}`, { method: 'PUT', body: cap });
    const key = await ask<CreatedKey>('/v1/keys', { method: 'POST', body: { name: 'alerts', scopes: ['flags'] } });
    const id = randomUUID();
    const app = { instance_id: 'i-1', service: 'shop' };
    const reserve = { id, tenant_id: TENANT, ...app, at_least_micro: 750_000 };
    await ask('/v1/spend/reservations', { method: 'POST', token: key.key, body: reserve });
    const settled = { id, tenant_id: TENANT, spent_micro: 750_000, calls: 1, unpriced_calls: 0, excess_calls: 0 };
    const items = [{ ...settled, excess_micro: 0, largest_excess_micro: 0, in_flight: 0, closed: true }];
    await ask('/v1/spend/settlements', { method: 'POST', token: key.key, body: { ...app, items } });
  };

  beforeAll(async () => {
    address = await receiver.listen();
  });
  afterAll(() => receiver.close());

  it('makes a route, and tells what its receiver really answered to a test', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/alert-routes`);
    await page.getByRole('button', { name: 'New route' }).click();
    const dialog = page.getByTestId('route-dialog');
    await dialog.getByLabel('Channel').selectOption('webhook');
    await dialog.getByRole('button', { name: 'Create route' }).click();
    await dialog.getByText('Give it a name that people recognise.').waitFor();
    await dialog.getByLabel('Name').fill('ops hook');
    await dialog.getByLabel('Address').fill(address);
    await dialog.getByLabel('Of tenants').fill('not a tenant\u00a0');
    await dialog.getByRole('button', { name: 'Make one' }).click();
    const secret = await dialog.getByLabel('Signing secret').inputValue();
    await dialog.getByLabel('Of tenants').fill(TENANT);
    await dialog.getByLabel('Takes').selectOption('info');
    await dialog.getByRole('button', { name: 'Create route' }).click();
    const card = page.getByTestId('route').filter({ hasText: 'ops hook' });
    await card.waitFor();
    const [route] = (await ask<AlertRouteList>('/v1/alert-routes')).items.filter(({ name }) => name === 'ops hook');
    expect(route).toMatchObject({ channel: 'webhook', match: { tenants: [TENANT], min_severity: 'info' } });
    expect(await page.content()).not.toContain(secret);

    await card.getByTestId('test-route').click();
    const outcome = card.getByTestId('test-outcome');
    await outcome.getByText('Did not arrive').waitFor();
    expect(await outcome.textContent()).toContain('the receiver answered 403');
    receiver.status = 204;
    await card.getByTestId('test-route').click();
    await outcome.getByText(/^Arrived/).waitFor();
    const tests = receiver.got.filter(({ body }) => !body.includes(TENANT));
    expect(tests.length).toBe(2);
    expect(tests[1]?.headers).toMatchObject({ 'webhook-signature': expect.stringMatching(/^v1,/) });
    expect(faults).toEqual([]);
  });

  it('points at the field that the server refuses', async () => {
    const { page } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/alert-routes`);
    await page.getByRole('button', { name: 'New route' }).click();
    const dialog = page.getByTestId('route-dialog');
    await dialog.getByLabel('Name').fill('refused');
    await dialog.getByLabel('Webhook address').fill('https://user:pass@hooks.example.com/x');
    await dialog.getByRole('button', { name: 'Create route' }).click();
    await dialog.getByText('Must not hold a user or password.').waitFor();
    expect(await dialog.getByLabel('Webhook address').getAttribute('aria-invalid')).toBe('true');
    expect((await ask<AlertRouteList>('/v1/alert-routes')).items.some(({ name }) => name === 'refused')).toBe(false);
  });

  it('shows an alert with its story, and lets people take it on and mute the tenant', async () => {
    // Not before the route is there: an alert is told to the routes of its time.
    await spend();
    const alert = await until('the alert about the cap, told to the route', async () => {
      const [found] = await alertsOf();
      return found?.notices.some(({ state }) => state === 'sent') ? found : undefined;
    });
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/alerts?tenant=${TENANT}`);
    const card = page.locator(`[data-alert="${alert.id}"]`);
    await card.getByText(alert.title).waitFor();
    expect(await card.textContent()).toContain(alert.reason);
    await card.getByText('ops hook was told at').waitFor();

    await card.getByTestId('acknowledge').click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Acknowledge' }).click();
    await card.getByTestId('acknowledged').waitFor();
    expect((await alertsOf()).find(({ id }) => id === alert.id)).toMatchObject({ status: 'acknowledged' });

    await card.getByTestId('mute').click();
    const dialog = page.getByTestId('mute-dialog');
    await dialog.getByRole('button', { name: 'Mute', exact: true }).click();
    await dialog.getByText('Say why').waitFor();
    await dialog.getByLabel('Reason').fill('we know');
    await dialog.getByRole('button', { name: 'Mute', exact: true }).click();
    await page.getByTestId('mutes').getByText('we know').waitFor();
    const mutes = async () => (await ask<MuteList>('/v1/mutes')).items.filter(({ tenant_id: id }) => id === TENANT);
    expect(await mutes()).toMatchObject([{ kind: 'spend_threshold', reason: 'we know' }]);
    await page.getByRole('button', { name: `End the mute of ${TENANT}` }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'End the mute' }).click();
    await page.getByTestId('mutes').waitFor({ state: 'detached' });
    expect(await mutes()).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('shows sales what is wrong, and nothing that only operators may do', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/alerts?tenant=${TENANT}`);
    await page.getByTestId('alert-card').first().waitFor();
    expect(await page.getByTestId('acknowledge').count()).toBe(0);
    expect(await page.getByTestId('mute').count()).toBe(0);
    await page.goto(`${world().tenantry.url}/alert-routes`);
    await page.getByTestId('error-state').getByText('This page is not for your role').waitFor();
    expect(faults).toEqual([]);
  });

  it('deletes a route after a question', async () => {
    const { page } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/alert-routes`);
    await page.getByRole('button', { name: 'Delete … ops hook' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByTestId('route').filter({ hasText: 'ops hook' }).waitFor({ state: 'detached' });
    expect((await ask<AlertRouteList>('/v1/alert-routes')).items.some(({ name }) => name === 'ops hook')).toBe(false);
  });
}
