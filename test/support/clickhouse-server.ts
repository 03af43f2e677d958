import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SegmentSignal } from '../../src/domain/spool-format.ts';
import type { QueryLimits } from '../../src/store/clickhouse/clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { ServerClickHouse } from '../../src/store/clickhouse/server-clickhouse.ts';
import { TEST_DDL, TEST_VIEWS } from './embedded-clickhouse.ts';
import { copyStoreTemplate } from './store-templates.ts';

/** Soaks run as built files themselves, two folders below it. */
const BUILT = import.meta.url.endsWith('.ts') ? '../../dist/' : '../../';
const CHILD = fileURLToPath(new URL(`${BUILT}test/support/children/clickhouse-stand-in.js`, import.meta.url));
const PASSWORD = "p@ss/w'rd";

/** A ClickHouse server as far as HTTP clients can tell, in a process of its own. */
export interface ClickHouseServer {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  /** The server dies right after the next insert is committed, before it is answered. Resolves when it will. */
  dieAfterNextInsert(): Promise<void>;
  /** As `kill -9` does. */
  kill(): Promise<void>;
  /** It stands still, with its connections open, until it is killed or goes on. */
  pause(): void;
  goOn(): void;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface ServerStoreOptions {
  readonly limits?: QueryLimits;
  /** It begins with a copy of a migrated store, where there is one: for tests that are not about its schema. */
  readonly isMigrated?: boolean;
}

async function startClickHouseServer(options: ServerStoreOptions): Promise<ClickHouseServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-clickhouse-server-'));
  const work = join(folder, 'work');
  mkdirSync(work);
  if (options.isMigrated === true) copyStoreTemplate('clickhouse', join(folder, 'db'));
  const launch = async (port: number) => {
    const child = fork(CHILD, [join(folder, 'db'), String(port), PASSWORD], {
      cwd: work,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the stand-in ended with ${code}`)));
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }];
    // Later ends are what tests are about.
    ended.catch(() => undefined);
    return { child, port: message.port };
  };
  let { child, port } = await launch(0);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const say = async (to: ChildProcess, word: string) => {
    const heard = once(to, 'message');
    to.send(word);
    await heard;
  };
  return {
    url: `http://default:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`,
    port,
    folder,
    dieAfterNextInsert: () => say(child, 'die-after-insert'),
    kill,
    pause: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
    restart: async () => {
      await kill();
      ({ child, port } = await launch(port));
    },
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface ServerStore {
  readonly server: ClickHouseServer;
  readonly clickhouse: ServerClickHouse;
  /** A file of these bytes, ready to be inserted. */
  fileOf(segment: Uint8Array): string;
  /** Inserts a segment made of these bytes, as the loader would; of traces unless said otherwise. */
  insert(segment: Uint8Array, token: string, signal?: SegmentSignal): Promise<void>;
  /** `count` over the rows of one of our tables that fulfil the condition. */
  countOf(table: string, condition: string, count?: string): Promise<number>;
  stop(): Promise<void>;
}

/** A server with our schema, and our side of the connection to it. */
export async function startServerStore(options: ServerStoreOptions = {}): Promise<ServerStore> {
  const server = await startClickHouseServer(options);
  const { limits } = options;
  const clickhouse = new ServerClickHouse({ url: server.url, ...(limits === undefined ? {} : { limits }) });
  await clickhouse.prepare();
  await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
  let files = 0;
  const fileOf = (segment: Uint8Array) => {
    files += 1;
    const path = join(server.folder, `segment-${files}.otlp`);
    writeFileSync(path, segment);
    return path;
  };
  return {
    server,
    clickhouse,
    fileOf,
    insert: (segment, token, signal = 'traces') => clickhouse.insertSegment({ signal, path: fileOf(segment), token }),
    countOf: async (table, condition, count = 'count()') => {
      const [row] = await clickhouse.inspect<{ n: number }>(
        `SELECT toUInt32(${count}) AS n FROM tenantry.${table} WHERE ${condition}`,
      );
      return row?.n ?? 0;
    },
    stop: async () => {
      await clickhouse.close();
      await server.stop();
    },
  };
}
