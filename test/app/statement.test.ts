import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportSources } from '../../src/app/report-tables.ts';
import { zoneOrUtc } from '../../src/app/spend-standing.ts';
import { STATEMENT_POLICY, statementPage } from '../../src/app/statement-page.ts';
import { type StatementSources, Statements } from '../../src/app/statements.ts';
import type { StatementAudience } from '../../src/cost/statement.ts';
import type { Actor } from '../../src/domain/actor.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { UsageKey } from '../../src/domain/usage.ts';
import { DAY_MS, type Window } from '../../src/domain/window.ts';
import { launchBrowser, NO_BROWSER } from '../support/dashboards-browser.ts';
import { ACME, reportSources } from '../support/report-sources.ts';

const ADMIN: Actor = { kind: 'staff', subject: 'ada', role: 'admin' };
const OCTOBER: Window = { from: Date.UTC(2026, 9, 1), to: Date.UTC(2026, 10, 1) };
const LATER = Date.UTC(2026, 10, 20);
const HOSTILE = '<script>alert(1)</script>"\'&';

const values = (of: Partial<Record<UsageKey, bigint>>) => new Map(Object.entries(of) as [UsageKey, bigint][]);

/** A month with figures of every kind; September had half as many requests. */
const SOURCES: Partial<ReportSources & StatementSources> = {
  usage: {
    totals: async ({ window }) => [
      {
        tenantId: ACME,
        values:
          window.from === OCTOBER.from
            ? values({
                requests: 3_000_000n,
                errors: 12n,
                request_bytes: 1_234_567_890_123n,
                storage_byte_hours: 744n * 10n ** 9n,
              })
            : values({ requests: 1_500_000n, errors: 0n }),
      },
    ],
    series: async ({ window }) => [
      {
        tenantId: ACME,
        steps: Array.from({ length: 30 }, (_, day) => ({
          at: window.from + day * DAY_MS,
          values: values({ requests: BigInt((day % 7) * 20_000 + 10_000) }),
        })),
      },
    ],
  },
  quotas: async () => [
    {
      ...{ tenantId: ACME, plan: 'growth', window: OCTOBER, burstSpent: 0n, forecast: null },
      quota: { key: 'requests', period: 'month', kind: 'soft', limit: 2_500_000n, burst: null },
      ...{ used: 3_000_000n, share: 1.2, state: 'reached_100' },
    } as never,
  ],
  aiCosts: async () => {
    const models = [
      { provider: 'openai', model: 'gpt-4o', calls: 1_200, unpricedCalls: 0, costMicro: 412_374_999n },
      { provider: 'acme', model: HOSTILE, calls: 7, unpricedCalls: 7, costMicro: null },
    ];
    return new Map([[ACME, { byModel: models }]]);
  },
  plan: async () => 'growth',
  money: async () => ({
    ...{ currency: 'USD', costMicro: 812_340_000n, revenueMicro: 2_000_000_000n },
    parts: new Map([[`compute ${HOSTILE}`, 400_000_000n]]),
  }),
};

async function pageOf(
  changes: Partial<ReportSources & StatementSources> = {},
  more: { readonly audience?: StatementAudience; readonly now?: number; readonly tenantId?: TenantId } = {},
): Promise<string> {
  const statements = new Statements(reportSources({ ...SOURCES, ...changes }), zoneOrUtc('UTC'));
  const question = { tenantId: ACME, year: 2026, month: 10, audience: 'customer' as const, now: LATER, ...more };
  return statementPage(await statements.statement(ADMIN, question));
}

/** Cells of the row that begins with this text. */
function row(html: string, first: string): readonly string[] {
  const found = [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, cells = '']) =>
    [...cells.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g)].map(([, cell = '']) =>
      cell.replace(/<[^>]+>/g, '').replaceAll('\u00a0', ' '),
    ),
  );
  return found.find(([cell]) => cell?.startsWith(first)) ?? [];
}

describe('a statement', () => {
  it('shows the month beside the month before', async () => {
    const html = await pageOf();
    expect(row(html, 'Requests')).toEqual(['Requests', '3,000,000', '1,500,000', '+100.0 %']);
    expect(row(html, 'Data in')).toEqual(['Data in', '1.23 TB', 'not measured', '–']);
    expect(row(html, 'Storage')).toEqual(['Storage (GB-hours)', '744', 'not measured', '–']);
    // Nothing can be said of a change from nothing.
    expect(row(html, 'Failed requests')).toEqual(['Failed requests', '12', '0', '–']);
    expect(html).toContain('October 2026');
  });

  it('leaves out what nobody measured, and never calls it zero', async () => {
    const html = await pageOf();
    expect(row(html, 'Calls to integrations')).toEqual([]);
    expect(html).not.toMatch(/<td>0<\/td><td>0<\/td>/);
  });

  it('names calls without a price and keeps them out of the sum', async () => {
    const html = await pageOf();
    expect(row(html, 'gpt-4o')).toEqual(['gpt-4o openai', '1,200', '412.37 USD']);
    expect(row(html, '&lt;script&gt;')).toEqual([expect.stringContaining('acme'), '7', 'unknown']);
    expect(row(html, 'Together')).toEqual(['Together', '', '412.37 USD']);
    expect(html).toContain('7 calls have no known price');
  });

  it('shows a quota that is passed', async () => {
    expect(row(await pageOf(), 'requests a month')).toEqual(['requests a month', '3,000,000', '2,500,000', '120.0 %']);
  });

  it('tells customers nothing of cost and margin', async () => {
    const asked: Window[] = [];
    const money: StatementSources['money'] = async (_actor, window) => {
      asked.push(window);
      return { currency: 'USD', costMicro: 1n, revenueMicro: 2n, parts: new Map() };
    };
    expect(await pageOf({ money })).not.toMatch(/Margin|Revenue|internal/);
    expect(asked).toEqual([]);
    expect(row(await pageOf({}, { audience: 'internal' }), 'Margin')).toEqual(['Margin', '1,187.66 USD']);
  });

  it('has no margin where the cost is not known', async () => {
    const money: StatementSources['money'] = async () => ({
      ...{ currency: 'EUR', costMicro: null, revenueMicro: 5_000_000n, parts: new Map() },
    });
    const html = await pageOf({ money }, { audience: 'internal' });
    expect(row(html, 'Margin')).toEqual(['Margin', 'unknown']);
    expect(row(html, 'Revenue')).toEqual(['Revenue', '5.00 EUR']);
  });

  it('says so while the month runs, and draws no days to come', async () => {
    const html = await pageOf({}, { now: Date.UTC(2026, 9, 10, 6) });
    expect(html).toContain('This month is not over');
    expect(html.match(/<rect /g)).toHaveLength(10);
    expect(await pageOf()).not.toContain('not over');
  });

  it('says that there is nothing rather than showing an empty table', async () => {
    const html = await pageOf({ ...reportSources() });
    expect(html).toContain('Nothing was measured in this month.');
    expect(html).not.toContain('<table>');
  });

  it('lets no name become markup', async () => {
    const html = await pageOf({ plan: async () => HOSTILE }, { audience: 'internal', tenantId: HOSTILE as TenantId });
    expect(html).not.toContain('<script');
    expect(html.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;/g)?.length).toBeGreaterThanOrEqual(3);
  });
});

describe.skipIf(NO_BROWSER !== undefined)(
  `a statement in a browser${NO_BROWSER === undefined ? '' : `: ${NO_BROWSER}`}`,
  () => {
    let browser: Browser;
    let folder: string;
    beforeAll(async () => {
      browser = await launchBrowser();
      folder = await mkdtemp(join(tmpdir(), 'tenantry-statement-'));
    });
    afterAll(async () => {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('prints on one page of A4, by its own policy, without a request to anywhere', async () => {
      const html = await pageOf({}, { audience: 'internal' });
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on('console', (message) => faults.push(message.text()));
      page.on('request', (request) => {
        if (!request.url().startsWith('http://statement.test/')) faults.push(request.url());
      });
      await page.route('http://statement.test/', (route) =>
        route.fulfill({
          contentType: 'text/html',
          body: html,
          headers: { 'content-security-policy': STATEMENT_POLICY },
        }),
      );
      await page.goto('http://statement.test/');
      // By its style, which the policy allows by its hash alone.
      expect(await page.evaluate("getComputedStyle(document.querySelector('header')).display")).toBe('flex');
      const pdf = await page.pdf({ preferCSSPageSize: true, path: join(folder, 'statement.pdf') });
      expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
      expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)).toHaveLength(1);
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${width} px`).toBe(true);
      }
      expect(faults).toEqual([]);
      await page.close();
    });
  },
);
