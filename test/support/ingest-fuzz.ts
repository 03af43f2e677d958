import { createContext, Script } from 'node:vm';
import { checkRequest, type OtlpSignal } from '../../ingest/wire-check.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { seeded } from './detect-random.ts';
import { fuzzCorpus, type OtlpBody } from './ingest-fuzz-corpus.ts';
import { Mutable, mutated } from './ingest-fuzz-mutations.ts';
import { decodeMetricsRequest, logRecordsIn, pointsIn } from './otlp-metrics-proto.ts';
import { decodeTraceRequest, spansOf } from './otlp-proto.ts';

/** The requests of one seed; each can be made again from the seed and its number alone. */
export class RequestFuzzer {
  readonly seed: number;
  readonly #corpus: readonly { readonly signal: OtlpSignal; readonly honest: Mutable }[];

  /** @param at Unix ms at which the honest requests say that their telemetry was made */
  constructor(seed: number, at: number) {
    this.seed = seed;
    this.#corpus = fuzzCorpus(at).map(({ signal, bytes }) => ({ signal, honest: new Mutable(bytes) }));
  }

  request(number: number): OtlpBody {
    const random = seeded(this.seed, number);
    const pick = () => Math.floor(random() * this.#corpus.length);
    const [one, other] = [this.#corpus[pick()], this.#corpus[pick()]];
    if (one === undefined || other === undefined) throw new Error('there is no honest request to begin with');
    return { signal: one.signal, bytes: mutated(random, one.honest, other.honest) };
  }
}

export type Verdict = { readonly items: number } | { readonly refusal: string };

/** What the wire check says. @throws whatever is no refusal */
export function verdictOf({ signal, bytes }: OtlpBody): Verdict {
  try {
    return { items: checkRequest(signal, bytes) };
  } catch (thrown) {
    if (thrown instanceof TenantryError && thrown.code === 'OTLP_MALFORMED') return { refusal: thrown.message };
    throw thrown;
  }
}

/** What protobufjs makes of it, with OTLP's own schema. */
export function decodersVerdict({ signal, bytes }: OtlpBody): Verdict {
  try {
    if (signal === 'traces') return { items: spansOf(decodeTraceRequest(bytes)).length };
    if (signal === 'metrics') return { items: pointsIn(decodeMetricsRequest(bytes)) };
    return { items: logRecordsIn(bytes) };
  } catch (thrown) {
    return { refusal: String(thrown) };
  }
}

/**
 * Runs `work`, which must not wait for anything, and ends it when it runs for `ms`: a loop without end is told instead of
 * hanging whoever tests for it.
 */
export function underWatchdog(ms: number, work: () => void): void {
  new Script('work()').runInContext(createContext({ work }), { timeout: ms });
}
