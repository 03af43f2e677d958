/**
 * The store's half of the pipeline alone: the embedded engine and the loader of segments, `ingest-loader.js <data dir>`.
 * Tells `ready`, runs until it is killed or its parent says `stop`.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import { EmbeddedClickHouse } from '../../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../../src/store/clickhouse/migrate.ts';
import { SegmentLoader } from '../../../src/store/clickhouse/segment-loader.ts';
import { TEST_DDL, TEST_VIEWS } from '../embedded-clickhouse.ts';

const [dataDir = '', task = ''] = process.argv.slice(2);
const clickhouse = new EmbeddedClickHouse({ path: join(dataDir, 'clickhouse') });

if (task === 'migrate') {
  await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
  await clickhouse.close();
  process.exit(0);
}

const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }));
const loader = new SegmentLoader({ spoolFolder: join(dataDir, 'spool'), clickhouse, log });
await loader.start();
const stop = async () => {
  await loader.stop();
  await clickhouse.close();
  process.exit(0);
};
process.on('message', () => void stop());
process.on('disconnect', () => process.exit(1));
process.send?.('ready');
