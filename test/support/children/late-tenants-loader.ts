/**
 * Embedded engine, loader and what stores spans that wait, `late-tenants-loader.js <folder>`, with a clock that runs
 * fifty times as fast: a batch closes after a tenth of a second, so that a kill at a random instant meets every step.
 * Tells `ready`, runs until it is killed or its parent says `stop`.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { LateTenants } from '../../../src/store/clickhouse/late-tenants.ts';
import { migrateClickHouse } from '../../../src/store/clickhouse/migrate.ts';
import { SegmentLoader } from '../../../src/store/clickhouse/segment-loader.ts';
import { LATE_TENANT_VIEWS, TEST_DDL } from '../embedded-clickhouse.ts';

const SPEED = 50;
const [folder = ''] = process.argv.slice(2);
const startedAt = Date.now();
const now = () => startedAt + (Date.now() - startedAt) * SPEED;

const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'clickhouse') });
await migrateClickHouse(clickhouse, LATE_TENANT_VIEWS, TEST_DDL);
const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }));
const late = new LateTenants({ clickhouse, owner: '00000000000000aa', waitMs: 1, settleMs: 0, log, now });
const loader = new SegmentLoader({ spoolFolder: join(folder, 'spool'), clickhouse, log, late, now });
await loader.start();
const stop = async () => {
  await loader.stop();
  process.send?.(late.figures());
  await clickhouse.close();
  process.exit(0);
};
process.on('message', () => void stop());
process.on('disconnect', () => process.exit(1));
process.send?.('ready');
