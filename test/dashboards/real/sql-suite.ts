import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { AuditList } from '../../../src/api/audit-contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

/** Statements by hand, over the real server. */
export function sqlSuite(world: () => DashboardsWorld): void {
  async function open() {
    const watched = await world().signedIn('sre');
    await watched.page.goto(`${world().tenantry.url}/sql`);
    const editor = watched.page.getByLabel('One SELECT');
    await editor.waitFor();
    const ask = async (sql: string) => {
      await editor.fill(sql);
      await editor.press('Control+Enter');
    };
    return { ...watched, editor, ask };
  }

  it('runs every example, and shows of a table of hostile text nothing but text, also in its file', async () => {
    const { page, faults, ask } = await open();
    const figures = page.getByTestId('sql-figures');
    const examples = page.locator('.sql-beside details', { hasText: 'Examples' }).getByRole('button');
    const titles = await examples.allTextContents();
    expect(titles.length).toBeGreaterThan(2);
    for (const title of titles) {
      await page.getByRole('button', { name: title, exact: true }).click();
      const answered = page.waitForResponse((response) => response.url().endsWith('/v1/sql'));
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      expect([title, (await answered).status()]).toEqual([title, 200]);
      await figures.waitFor();
    }
    await ask(
      `SELECT '<img src=x onerror=alert(1)>' AS \`<svg/onload=alert(2)>\`, '=cmd()' AS f, -3 AS n FROM numbers(3)`,
    );
    await expect.poll(() => figures.textContent()).toMatch(/^3 rows in /);
    const first = page.getByTestId('table-sql').locator('tbody tr').first().locator('td');
    expect(await first.allTextContents()).toEqual(['<img src=x onerror=alert(1)>', '=cmd()', '-3']);
    const download = page.waitForEvent('download');
    await page.getByTestId('csv-sql').click();
    const file = await readFile(await (await download).path(), 'utf8');
    expect(file.split('\r\n')[1]).toBe("<img src=x onerror=alert(1)>,'=cmd(),-3");
    await page.reload();
    expect(await page.getByLabel('One SELECT').inputValue()).toContain('onerror');
    expect(faults).toEqual([]);
    await page.context().close();
  });

  it('says why a statement is refused, and that one was stopped, and both are in the audit log', async () => {
    const { page, faults, ask } = await open();
    await ask(`SELECT * FROM file('/etc/passwd')`);
    const refusal = page.getByTestId('sql-refusal');
    await refusal.waitFor();
    expect(await refusal.textContent()).toContain('file');
    expect(await refusal.textContent()).not.toContain('root:');
    // Few rows to read, and a day of work.
    await ask('SELECT sum(cityHash64(a.number, b.number)) FROM numbers(1000000) AS a, numbers(10000000) AS b');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Stopped.').waitFor();
    const outcomes = async () => {
      const { body } = await world().tenantry.ask<AuditList>('/v1/audit?action=sql.run&limit=50');
      return body.items.map(({ after }) => JSON.stringify(after));
    };
    await expect.poll(outcomes).toContainEqual(expect.stringMatching(/cityHash64.*QUERY_TIMEOUT/));
    expect(await outcomes()).toContainEqual(expect.stringMatching(/passwd.*SQL_REFUSED/));
    expect(faults).toEqual([]);
    await page.context().close();
  });
}
