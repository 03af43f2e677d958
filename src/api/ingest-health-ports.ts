import type { StaffActor } from '../domain/actor.ts';
import type { ExportDelay, IngestVerdict, LoaderStanding } from '../domain/ingest-health.ts';
import type { SelfCheckStanding } from '../domain/self-check.ts';
import type { IntakeFigures } from '../domain/spool-format.ts';

export interface KeySeen {
  readonly id: string;
  readonly name: string;
  readonly service: string | null;
  readonly active: boolean;
  /** Unix ms; null: not since ingest started. */
  readonly lastAt: number | null;
  readonly requests: number;
  readonly items: number;
}

export interface IngestHealthAnswer {
  readonly checkedAt: number;
  readonly verdict: IngestVerdict;
  /** Everything that is wrong, the gravest first; the verdict is the first of them. */
  readonly findings: readonly IngestVerdict[];
  /** undefined: it is switched off. */
  readonly selfCheck: SelfCheckStanding | undefined;
  /** Unix ms: when the spool is full at the present rate; null: it does not fill. */
  readonly spoolFullAt: number | null;
  /** Services whose clock is ahead of the server's, and by how much at most. */
  readonly clocks: readonly { readonly service: string; readonly aheadMs: number }[];
  readonly quarantinedBytes: number;
  readonly intake: IntakeFigures | undefined;
  readonly loader: LoaderStanding;
  readonly delay: ExportDelay | null;
  readonly endToEndMs: number | null;
  readonly spansPerMinute: number | null;
  readonly quarantined: number;
  /** `spans`: of the last hour. */
  readonly services: readonly { readonly service: string; readonly lastAt: number; readonly spans: number }[];
  readonly keys: readonly KeySeen[];
  readonly history: {
    readonly since: number;
    readonly minutes: readonly {
      readonly at: number;
      readonly spans: number | null;
      readonly refused: number | null;
      readonly spoolBytes: number | null;
      readonly waitingMs: number;
    }[];
  };
}

export interface IngestHealth {
  look(actor: StaffActor): Promise<IngestHealthAnswer>;
}
