/**
 * A statement as one page of HTML that prints on A4: no script, no picture, no font from anywhere. Everything that is not
 * written here is escaped.
 */
import { createHash } from 'node:crypto';
import type { Statement, StatementMoney, StatementUsage } from '../cost/statement.ts';
import { formatMicro } from '../domain/cost-amount.ts';
import { htmlText } from '../domain/html-text.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import { DAY_MS } from '../domain/window.ts';

const STYLE = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 2.5rem 2rem; font: 15px/1.5 system-ui, sans-serif; color: #1a1d21; background: #fff; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; border-bottom: 2px solid #1a1d21; padding-bottom: .75rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; color: #4a5058; }
.month { text-align: right; white-space: nowrap; font-weight: 600; }
.running { background: #fff6d6; color: #5c4700; padding: .5rem .75rem; margin-top: 1rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .5rem; text-align: right; border-bottom: 1px solid #e3e6ea; }
th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; color: #4a5058; font-size: .85rem; }
tfoot td { font-weight: 600; border-bottom: 0; border-top: 2px solid #1a1d21; }
.unknown { color: #6b7178; font-style: italic; }
.full { color: #a1260d; font-weight: 600; }
svg { width: 100%; height: 5.5rem; display: block; margin-top: .5rem; }
svg rect { fill: #33658a; }
.axis { display: flex; justify-content: space-between; font-size: .8rem; color: #6b7178; }
footer { margin-top: 2.5rem; font-size: .8rem; color: #6b7178; }
@page { size: A4; margin: 14mm; }
@media print { body { padding: 0; max-width: none; font-size: 12px; } h2 { margin-top: 1.25rem; } svg { height: 4rem; } th, td { padding: .25rem .4rem; } footer { margin-top: 1.25rem; } table, .chart { break-inside: avoid; } h2 { break-after: avoid; } }
@media (max-width: 30rem) { body { padding: 1.25rem 1rem; } th, td { padding: .4rem .25rem; } }
`;

/** What a browser may do with the page: show it with this style, and nothing else. */
export const STATEMENT_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const LABELS: Readonly<Record<StatementUsage['metric'], string>> = {
  requests: 'Requests',
  errors: 'Failed requests',
  busy_ns: 'Request time',
  cpu_ns: 'CPU time',
  db_calls: 'Database calls',
  db_ns: 'Database time',
  db_rows: 'Database rows',
  db_slow_calls: 'Slow database calls',
  request_bytes: 'Data in',
  response_bytes: 'Data out',
  cache_hits: 'Cache hits',
  cache_misses: 'Cache misses',
  ai_calls: 'AI calls',
  ai_input_tokens: 'AI input tokens',
  ai_output_tokens: 'AI output tokens',
  ai_cache_read_tokens: 'AI tokens read from cache',
  ai_cache_write_tokens: 'AI tokens written to cache',
  ai_reasoning_tokens: 'AI reasoning tokens',
  ai_search_units: 'AI search units',
  integration_calls: 'Calls to integrations',
  integration_errors: 'Failed calls to integrations',
  storage_byte_hours: 'Storage (GB-hours)',
  spans: 'Spans',
};

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;
const BYTE_METRICS: ReadonlySet<string> = new Set(['request_bytes', 'response_bytes']);

/** Groups of three, as in 1,234,567; of any size. */
const grouped = (value: bigint | string) => value.toString().replace(/\B(?=(\d{3})+$)/g, ',');

function bytesText(bytes: bigint): string {
  const unit = Math.min(BYTES.length - 1, Math.floor((bytes.toString().length - 1) / 3));
  if (unit === 0) return `${bytes}\u00a0B`;
  const hundredths = (bytes * 100n) / 1_000n ** BigInt(unit);
  return `${grouped(hundredths / 100n)}.${(hundredths % 100n).toString().padStart(2, '0')}\u00a0${BYTES[unit]}`;
}

function amount(metric: string, value: bigint | null): string {
  if (value === null) return '<span class="unknown">not measured</span>';
  if (metric === 'storage_byte_hours') return grouped(value / 1_000_000_000n);
  return BYTE_METRICS.has(metric) ? bytesText(value) : grouped(value);
}

/** Two decimals for people, rounded half away from zero; the export has all six. */
function moneyText(micro: bigint | null, currency: string): string {
  if (micro === null) return '<span class="unknown">unknown</span>';
  const cents = micro < 0n ? -((-micro + 5_000n) / 10_000n) : (micro + 5_000n) / 10_000n;
  const [whole = '', part = ''] = formatMicro(cents * 10_000n).split('.');
  return `${grouped(whole)}.${part.slice(0, 2)}\u00a0${htmlText(currency)}`;
}

const percent = (share: number) => `${(share * 100).toFixed(1)}\u00a0%`;
const signed = (change: number) => `${change > 0 ? '+' : ''}${(change * 100).toFixed(1)}\u00a0%`;
const date = (at: number) => new Date(at).toISOString().slice(0, 10);

function usageSection({ usage }: Statement): string {
  if (usage.length === 0) return '<p>Nothing was measured in this month.</p>';
  const rows = usage.map(
    ({ metric, used, usedBefore, change }) =>
      `<tr><td>${LABELS[metric]}</td><td>${amount(metric, used)}</td><td>${amount(metric, usedBefore)}</td><td>${change === null ? '–' : signed(change)}</td></tr>`,
  );
  return `<table><thead><tr><th>Usage</th><th>This month</th><th>Month before</th><th>Change</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function chartSection({ days }: Statement): string {
  const most = days.reduce((top, { requests }) => (requests !== null && requests > top ? requests : top), 0n);
  if (most === 0n) return '';
  const width = 100 / days.length;
  const bars = days.map(({ requests, at }, index) => {
    const height = requests === null ? 0 : Number((requests * 10_000n) / most) / 100;
    const title = `${date(at)}: ${requests === null ? 'not measured' : grouped(requests)}`;
    return `<rect x="${(index * width + width * 0.1).toFixed(3)}" y="${(100 - height).toFixed(2)}" width="${(width * 0.8).toFixed(3)}" height="${height.toFixed(2)}"><title>${title}</title></rect>`;
  });
  const [first, last] = [days[0], days.at(-1)];
  return `<div class="chart"><h2>Requests a day</h2><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="Requests a day, at most ${grouped(most)}">${bars.join('')}</svg><div class="axis"><span>${first === undefined ? '' : date(first.at)}</span><span>at most ${grouped(most)} a day</span><span>${last === undefined ? '' : date(last.at)}</span></div></div>`;
}

function quotaRow({ quota, used, share, state }: QuotaStanding): string {
  const shown = share === null ? '–' : percent(share);
  const name = htmlText(quota.key.replaceAll('_', ' '));
  return `<tr><td>${name} a ${quota.period}</td><td>${amount(quota.key, used)}</td><td>${amount(quota.key, quota.limit)}</td><td${state === 'reached_100' ? ' class="full"' : ''}>${shown}</td></tr>`;
}

function quotaSection({ quotas, plan }: Statement): string {
  if (quotas.length === 0) return '';
  const of = plan === null ? '' : ` of plan ${htmlText(plan)}`;
  return `<h2>Included${of}</h2><table><thead><tr><th>Quota</th><th>Used</th><th>Included</th><th>Share</th></tr></thead><tbody>${quotas.map(quotaRow).join('')}</tbody></table>`;
}

function aiSection({ models, aiCostMicro, aiUnpricedCalls }: Statement): string {
  if (models.length === 0) return '';
  const rows = models.map(
    ({ provider, model, calls, costMicro }) =>
      `<tr><td>${htmlText(model === '' ? '(no model named)' : model)}${provider === '' ? '' : ` <span class="unknown">${htmlText(provider)}</span>`}</td><td>${grouped(BigInt(calls))}</td><td>${moneyText(costMicro, 'USD')}</td></tr>`,
  );
  const unpriced =
    aiUnpricedCalls === 0
      ? ''
      : `<p>${grouped(BigInt(aiUnpricedCalls))} calls have no known price; they are in no sum.</p>`;
  return `<h2>AI by model</h2><table><thead><tr><th>Model</th><th>Calls</th><th>By price book</th></tr></thead><tbody>${rows.join('')}</tbody><tfoot><tr><td>Together</td><td></td><td>${moneyText(aiCostMicro, 'USD')}</td></tr></tfoot></table>${unpriced}`;
}

function moneySection(money: StatementMoney | undefined): string {
  if (money === undefined) return '';
  const { currency, costMicro, revenueMicro, parts } = money;
  const margin = costMicro === null || revenueMicro === null ? null : revenueMicro - costMicro;
  const rows = [...parts].map(
    ([part, micro]) => `<tr><td>${htmlText(part)}</td><td>${moneyText(micro, currency)}</td></tr>`,
  );
  return `<h2>Cost and margin (internal)</h2><table><tbody>${rows.join('')}<tr><td>Cost</td><td>${moneyText(costMicro, currency)}</td></tr><tr><td>Revenue</td><td>${moneyText(revenueMicro, currency)}</td></tr></tbody><tfoot><tr><td>Margin</td><td>${moneyText(margin, currency)}</td></tr></tfoot></table>`;
}

/** The whole page. */
export function statementPage(statement: Statement): string {
  const { tenantId, plan, window, isRunning, madeAt } = statement;
  // The middle of the window lies in the month whatever its zone.
  const month = new Date(window.from + 15 * DAY_MS).toLocaleDateString('en', {
    ...{ month: 'long', year: 'numeric', timeZone: 'UTC' },
  });
  const running = isRunning
    ? `<p class="running">This month is not over: figures are those up to ${new Date(madeAt).toISOString()}.</p>`
    : '';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${htmlText(tenantId)}, ${month}</title><style>${STYLE}</style></head><body><header><div><h1>${htmlText(tenantId)}</h1>${plan === null ? '' : `<p>Plan ${htmlText(plan)}</p>`}</div><div class="month">${month}</div></header>${running}<main><h2>Usage</h2>${usageSection(statement)}${chartSection(statement)}${quotaSection(statement)}${aiSection(statement)}${moneySection(statement.money)}</main><footer>From ${new Date(window.from).toISOString()} to ${new Date(window.to).toISOString()}; made ${new Date(madeAt).toISOString()}. "Not measured" and "unknown" are not zero.</footer></body></html>`;
}
