/** Makes the templates of stores that are missing. Earlier ones, of other code, are removed. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../../src/store/clickhouse/migrate.ts';
import { startEmbeddedPostgres } from '../../../src/store/postgres/embedded.ts';
import { migratePostgres } from '../../../src/store/postgres/migrate.ts';
import { TEST_DDL, TEST_VIEWS } from '../embedded-clickhouse.ts';
import { type StoreName, storeTemplate, TEMPLATES } from '../store-templates.ts';

const MAKERS: Readonly<Record<StoreName, (folder: string) => Promise<void>>> = {
  postgres: async (folder) => {
    const server = await startEmbeddedPostgres({ dataDir: folder, log: pino({ level: 'silent' }) });
    await migratePostgres(server);
    await server.stop();
  },
  clickhouse: async (folder) => {
    const clickhouse = new EmbeddedClickHouse({ path: folder });
    await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
    await clickhouse.close();
  },
};
const READABLE = 0o755;

mkdirSync(TEMPLATES, { recursive: true });
const wanted = (Object.keys(MAKERS) as StoreName[]).map((name) => ({ name, path: storeTemplate(name) }));
const current = new Set(wanted.map(({ path }) => basename(path)));
for (const old of readdirSync(TEMPLATES)) {
  if (!current.has(old)) rmSync(join(TEMPLATES, old), { recursive: true, force: true });
}
for (const { name, path } of wanted.filter(({ path }) => !existsSync(path))) {
  const unfinished = mkdtempSync(join(TEMPLATES, 'unfinished-'));
  chmodSync(unfinished, READABLE);
  await MAKERS[name](unfinished);
  renameSync(unfinished, path);
}
