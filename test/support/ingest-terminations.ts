/** The receiver as it is built is told to end, again and again, while clients send: it ends well and loses nothing. */
import { seededRandom } from '../../src/demo/random.ts';
import { aRandomWhile, Immortal, startReceiver } from './ingest-kill-processes.ts';
import { KillSender } from './ingest-kill-sender.ts';
import { spansOf } from './otlp-proto.ts';
import { namesIn, sealedRecords, temporaryDataDir } from './otlp-segment.ts';

const KEY = 'termination-test-key-0123456789';
const LIFE_MS = 600;

export interface TerminationsReport {
  readonly exitCodes: readonly (number | null)[];
  readonly slowestMs: number;
  readonly acknowledgedSpans: number;
  readonly storedSpans: number;
  readonly distinctSpans: number;
  /** Answers of the receiver; 0: the connection ended before one. */
  readonly statuses: readonly number[];
  readonly leftOpen: number;
}

export async function runTerminations(terminations: number, seed: number): Promise<TerminationsReport> {
  const dir = temporaryDataDir();
  const random = seededRandom(seed);
  let port = 1;
  const env = {
    TENANTRY_DATA_DIR: dir.path,
    TENANTRY_OTLP_HTTP_PORT: '0',
    TENANTRY_OTLP_GRPC_PORT: '0',
    TENANTRY_INGEST_KEY: KEY,
    TENANTRY_LOG_LEVEL: 'error',
  };
  const receiver = new Immortal(
    () => startReceiver(env),
    (message) => {
      port = (message as { httpPort?: number }).httpPort ?? 1;
    },
  );
  const senders = [1, 2, 3, 4].map(
    (number) => new KillSender({ port: () => port, key: KEY, random: seededRandom(seed + number) }),
  );
  const ends: { code: number | null; ms: number }[] = [];
  try {
    const sending = Promise.all(senders.map((sender) => sender.run(2)));
    for (let turn = 0; turn < terminations; turn++) {
      await receiver.ready();
      await aRandomWhile(LIFE_MS, random);
      ends.push(await receiver.replace((child) => child.kill('SIGTERM')));
    }
    for (const sender of senders) sender.stop();
    await sending;
    ends.push({ code: await receiver.end((child) => child.kill('SIGTERM')), ms: 0 });
    const stored = sealedRecords(dir.spool).flatMap(({ request }) => spansOf(request));
    return {
      exitCodes: ends.map(({ code }) => code),
      slowestMs: Math.max(...ends.map(({ ms }) => ms)),
      acknowledgedSpans: senders.flatMap(({ sent }) => [...sent.values()]).reduce((sum, { spans }) => sum + spans, 0),
      storedSpans: stored.length,
      distinctSpans: new Set(stored.map((span) => Buffer.from(span.span_id ?? []).toString('hex'))).size,
      statuses: [...new Set(senders.flatMap(({ statuses }) => [...statuses]))].toSorted((a, b) => a - b),
      leftOpen: namesIn(dir.spool, 'open').length,
    };
  } finally {
    receiver.destroy();
    dir.remove();
  }
}
