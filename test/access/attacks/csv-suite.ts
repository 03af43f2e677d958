/** What tenants and their apps write, in every table that can be saved: no spreadsheet may run a cell of it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { csvText } from '../../../dashboards/src/shared/csv.ts';
import { API_ROWS, requestTo } from '../../support/access-routes.ts';
import { ADMIN_TOKEN, bearer, OWN } from '../../support/api-harness.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';
import type { AttackWorld } from './attack-world.ts';

const STARTS = ['=', '+', '-', '@', '\t=', '\r=', '\n=', '\0=', '＝', '＋', '－', '＠', "'=", "''+"];
const FORMULAS = STARTS.flatMap((start) => [
  `${start}1+1`,
  `${start}cmd|'/c calc'!A1`,
  `${start}HYPERLINK("http://evil.example","x")`,
]);
const ONE_LINE = FORMULAS.filter((text) => !/\p{Cc}/u.test(text));
const RUNS = /^[=+\-@\t\r\n＝＋－＠]/;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const DAY_MS = 86_400_000;

/** Cells that a spreadsheet would run. */
function runnable(csv: string): string[] {
  const rows = parse(csv, { relax_column_count: true }) as string[][];
  return rows.flat().filter((cell) => RUNS.test(cell.replaceAll('\0', '')) && !NUMBER.test(cell));
}

async function writeFormulas({ must, server, dataDir, send }: AttackWorld): Promise<void> {
  const now = Date.now();
  const spans = FORMULAS.map((text, index) =>
    otlpSpan({
      ...{ name: text, kind: 3, start: now - 60_000 - index * 1_000, durationMs: 5 },
      attributes: {
        ...{
          tenant_id: OWN,
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': text,
          'gen_ai.request.model': text,
        },
        ...{ 'gen_ai.response.model': text, 'gen_ai.usage.input_tokens': 5, 'http.route': text },
      },
    }),
  );
  const path = join(dataDir, 'formulas.otlp');
  writeFileSync(path, segmentOf([otlpRequest(spans, { 'service.name': '=1+1' })], { receivedAt: now }));
  await server.stores.clickhouse.insertSegment({ signal: 'traces', path, token: 'formulas' });
  for (const text of ONE_LINE) {
    await must('PUT', `/v1/tenants/${OWN}/profile`, { display_name: text, owner: text });
    const throttle = {
      tenant_id: OWN,
      limit: { requests_per_second: 500, burst: 500 },
      mode: 'shadow',
      expires_in_seconds: 60,
    };
    await must('POST', '/v1/throttles', { ...throttle, reason: text });
  }
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const day = new Date(now - DAY_MS).toISOString().slice(0, 10);
  const lines = ONE_LINE.map((text) => [day, text, 'main', text, OWN, text, '1.000001', 'USD'].map(quoted).join(','));
  const bill = await send({
    ...{ method: 'POST', url: '/v1/bills?file_name=bill.csv&issuer=Cloud&account=a&invoice=i' },
    headers: { ...bearer(ADMIN_TOKEN), 'content-type': 'text/csv' },
    payload: ['date,provider,account,service,resource,description,amount,currency', ...lines, ''].join('\n'),
  });
  expect([bill.status, bill.body]).toEqual([201, expect.any(String)]);
}

export function csvSuite(world: () => AttackWorld): void {
  it('is no formula in any table of the API', async () => {
    await writeFormulas(world());
    const rows = API_ROWS.filter((row) => {
      if (!row.startsWith('GET ')) return false;
      const answers = Object.values(world().operation(row).responses ?? {});
      return answers.some(({ content }) => content !== undefined && 'text/csv' in content);
    });
    expect(rows.length).toBeGreaterThan(6);
    const guardedCells = new Map<string, number>();
    const faults: string[] = [];
    for (const row of rows) {
      const { method, url } = requestTo(row, world().operation(row), OWN);
      const [path = '', query = ''] = url.split('?');
      const wanted = new URLSearchParams(query);
      const takes =
        world()
          .operation(row)
          .parameters?.map(({ name }) => name) ?? [];
      if (takes.includes('format')) wanted.set('format', 'csv');
      if (takes.includes('from')) wanted.set('from', new Date(Date.now() - 3 * DAY_MS).toISOString());
      const answer = await world().asAdmin({ method, url: `${path}?${wanted}` });
      if (answer.status !== 200) faults.push(`${row}: ${answer.status} ${answer.body.slice(0, 200)}`);
      else faults.push(...runnable(answer.body).map((cell) => `${row}: ${JSON.stringify(cell)}`));
      guardedCells.set(row, answer.body.split(/[,"\n]'+[=+\-@＝＋－＠]/).length - 1);
    }
    expect(faults, faults.join('\n')).toEqual([]);
    // Where formulas stand, they are text: an empty table would prove nothing.
    for (const row of ['GET /v1/audit', 'GET /v1/exports/ai-costs', 'GET /v1/export/focus']) {
      expect([row, guardedCells.get(row)]).toEqual([row, expect.toSatisfy((cells: number) => cells >= 10)]);
    }
  }, 60_000);

  it('is no formula in a table that a page saves', () => {
    const csv = csvText(
      ['text'],
      FORMULAS.map((text) => [text]),
    );
    expect(runnable(csv)).toEqual([]);
    expect((parse(csv) as string[][]).length).toBe(FORMULAS.length + 1);
    expect(csvText(['number'], [[-1.5]])).toContain('\r\n-1.5\r\n');
  });
}
