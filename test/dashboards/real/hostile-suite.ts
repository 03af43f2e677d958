import { expect, it } from 'vitest';
import { goTo, settled } from '../../support/dashboards-walk.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import { otlpSpan } from '../../support/spans.ts';

const TENANT = 'hostile-customer';
const MARK = 'zqhostile';

/** What would act if it were taken for markup, in the ways in which text leaves the place that it was meant for. */
const VECTORS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<base href=//evil.example/>',
  '<link rel=stylesheet href=//evil.example/x.css>',
  '<style>@import "//evil.example/x.css"</style>',
  '<details open ontoggle=alert(1)>',
  '<input autofocus onfocus=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '<meta http-equiv=refresh content="0;url=//evil.example">',
  '<math><mi xlink:href="javascript:alert(1)">x</mi></math>',
  '<object data="//evil.example">',
  '{{constructor.constructor("alert(1)")()}}',
  'javascript:alert(1)//',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text that is tried
  '${alert(1)}',
];
const BREAKOUTS = [(text: string) => text, (text: string) => `">${text}`, (text: string) => `'-->${text}`];
const PAYLOADS = [
  ...BREAKOUTS.flatMap((around) => VECTORS.map(around)),
  ...VECTORS.map((text) => `</title></textarea>${text}`),
].map((text, index) => `${text}${MARK}${index}`);

const INJECTED =
  'main script, main iframe, main object, main base, main meta, main link, main style, main math, main [onerror], main [onload], main [ontoggle], main [onfocus], a[href^="javascript:" i]';

/** Text of one tenant in every place that the customers' pages show, and that others than the reader can write. */
export function hostileSuite(world: () => DashboardsWorld): void {
  const some = (index: number) => PAYLOADS[index % PAYLOADS.length] ?? '';

  async function must(method: string, path: string, body: unknown): Promise<void> {
    const { status, body: answer } = await world().tenantry.ask(path, { method, body });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  }

  async function seed(): Promise<void> {
    const start = Date.now() - 120_000;
    const spans = PAYLOADS.map((text, index) =>
      otlpSpan({
        ...{ name: text, kind: 2, start: start + index, durationMs: 1_500 },
        attributes: {
          ...{ tenant_id: TENANT, 'http.request.method': 'GET', 'http.route': `/${text}`, 'tenantry.feature': text },
          ...{ 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': text, 'gen_ai.request.model': text },
        },
        more: { status: { code: 2, message: text } },
      }),
    );
    await world().send(spans, { 'service.name': some(3) });
    await must('PUT', `/v1/tenants/${TENANT}/profile`, { display_name: some(1), segment: 'smb', owner: some(4) });
    await must('POST', '/v1/keys', { name: some(17), scopes: ['ingest'], tenant_id: TENANT });
    const soon = { tenant_id: TENANT, expires_in_seconds: 600 };
    await must('POST', '/v1/mutes', { ...soon, reason: some(18) });
    await must('POST', '/v1/tenant-exports', { tenant_id: TENANT, format: 'csv' });
    await must('POST', `/v1/tenants/${TENANT}/suspend`, { reason_code: 'other', reason: some(7) });
    await must('POST', '/v1/deletion-requests', { tenant_id: TENANT, reason: some(49) });
    // Not before: who is held cannot ask for it.
    await must('PUT', `/v1/legal-holds/${TENANT}`, { reason: some(33) });
  }

  it('is text on every page of customers, accounts, exports and deletions', async () => {
    expect(PAYLOADS.length).toBeGreaterThanOrEqual(60);
    await seed();
    const { page, faults } = await world().signedIn('admin');
    await page.goto(`${world().tenantry.url}/lifecycle?q=${TENANT}`);
    const wrong: string[] = [];
    /** What has to stand there: without it nothing was tried. */
    const look = async (path: string) => {
      await settled(page);
      const text = page.locator('main').getByText(MARK, { exact: false }).first();
      await text.waitFor({ state: 'attached', timeout: 15_000 }).catch(() => wrong.push(`${path} shows none of it`));
      const injected = await page.locator(INJECTED).count();
      if (injected > 0) wrong.push(`${path}: ${injected} elements are made of it`);
    };
    await look('/lifecycle');
    for (const path of [
      `/tenants/${TENANT}`,
      `/tenants/${TENANT}/account`,
      '/deletion-requests',
      '/alerts',
      '/keys',
      `/tenants/${TENANT}/traces`,
      `/customers/${TENANT}/sheet`,
    ]) {
      await goTo(page, path);
      await look(path);
    }
    expect(wrong).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  });
}
