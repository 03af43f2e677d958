import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { encodeRecord } from '../../ingest/spool-record.ts';
import { checkRequest } from '../../ingest/wire-check.ts';
import { HTTP_PROTOBUF_GZIP } from './ingest-transports.ts';
import { type Cost, medianCost } from './measure.ts';
import { SPANS_PER_REQUEST } from './telemetry.ts';

const ROUNDS = { warmUps: 2, rounds: 5 };
const inflate = promisify(gunzip);

/** CPU µs a span of what the receiver does with a body, each step alone. */
export interface ReceiverSteps {
  readonly gunzip: number;
  readonly check: number;
  readonly record: number;
}

export async function receiverSteps(requests: readonly Uint8Array[]): Promise<ReceiverSteps> {
  const zipped = requests.map((request) => HTTP_PROTOBUF_GZIP.encode(request, 0));
  const origin = { receivedAt: Date.now(), keyId: 'bench', keyTenant: undefined };
  const perSpan = ({ cpuMs }: Cost) => (cpuMs * 1_000) / (requests.length * SPANS_PER_REQUEST);
  const each = (work: (index: number) => unknown) =>
    medianCost(ROUNDS, async () => {
      for (const index of requests.keys()) await work(index);
    });
  return {
    gunzip: perSpan(await each((index) => inflate(zipped[index] ?? new Uint8Array()))),
    check: perSpan(await each((index) => checkRequest('traces', requests[index] ?? new Uint8Array()))),
    record: perSpan(await each((index) => encodeRecord(requests[index] ?? new Uint8Array(), origin))),
  };
}
