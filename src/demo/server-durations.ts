import { SpanKind } from '@opentelemetry/api';

/** One request as the app's own server span measured it: what percentiles are computed from. */
export interface ServerDuration {
  readonly tenant: string;
  readonly route: string;
  readonly status: number;
  readonly durationNs: number;
}

interface EndedSpan {
  readonly kind: SpanKind;
  readonly duration: readonly [number, number];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Span processor that keeps the durations of server spans while it is switched on. */
export class ServerDurations {
  #durations: ServerDuration[] | undefined;
  #onMore: (() => void) | undefined;

  onStart(): void {
    // Only ends matter.
  }

  onEnd(ended: unknown): void {
    const span = ended as EndedSpan;
    if (this.#durations === undefined || span.kind !== SpanKind.SERVER) return;
    this.#durations.push({
      tenant: String(span.attributes['tenant_id'] ?? ''),
      route: String(span.attributes['http.route'] ?? ''),
      status: Number(span.attributes['http.response.status_code'] ?? 0),
      durationNs: span.duration[0] * 1e9 + span.duration[1],
    });
    this.#onMore?.();
  }

  /** Forgets what was kept and keeps from now on. */
  begin(): void {
    this.#durations = [];
  }

  /** Waits until `count` server spans have ended since `begin`, and switches off. */
  async take(count: number): Promise<readonly ServerDuration[]> {
    const durations = this.#durations ?? [];
    if (durations.length < count) {
      await new Promise<void>((resolve) => {
        this.#onMore = () => {
          if (durations.length >= count) resolve();
        };
      });
    }
    this.#onMore = undefined;
    this.#durations = undefined;
    return durations;
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}
