/** Telemetry of a service with a noisy neighbour: who did what in each minute, as spans. */
import type { OtlpSpan } from './otlp-proto.ts';
import { otlpSpan } from './spans.ts';

const MINUTE_MS = 60_000;
const SERVER = 2;
const CLIENT = 3;

export interface NoiseScene {
  /** Whose minutes are as usual all along, until the culprit's noise slows them. */
  readonly victims: readonly string[];
  readonly culprit: string;
  /** Unix ms, a whole minute: the scene ends there. */
  readonly to: number;
  readonly minutes: number;
  /** Of them, the last ones are noisy; 0: a quiet scene. */
  readonly noisyMinutes: number;
}

const SCENE_REQUESTS_PER_MINUTE = 12;
const SCENE_NOISE = 6;

function requestOf(tenant: string, start: number, durationMs: number, databaseMs: number): OtlpSpan[] {
  const tenantId = { tenant_id: tenant };
  return [
    otlpSpan({
      name: 'GET /reports',
      kind: SERVER,
      start,
      durationMs,
      attributes: {
        ...tenantId,
        'http.request.method': 'GET',
        'http.route': '/reports',
        'http.response.status_code': 200,
      },
    }),
    otlpSpan({
      name: 'SELECT reports',
      kind: CLIENT,
      start,
      durationMs: databaseMs,
      attributes: { ...tenantId, 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
    }),
  ];
}

/** Every tenant sends the same, of 50 ms; in noisy minutes the culprit sends six times as much, and each other takes 300 ms or more. */
export function noiseScene({ victims, culprit, to, minutes, noisyMinutes }: NoiseScene): OtlpSpan[] {
  const spans: OtlpSpan[] = [];
  for (let minute = 0; minute < minutes; minute += 1) {
    const start = to - (minutes - minute) * MINUTE_MS;
    const isNoisy = minute >= minutes - noisyMinutes;
    for (const [place, tenant] of [culprit, ...victims].entries()) {
      const count = SCENE_REQUESTS_PER_MINUTE * (isNoisy && tenant === culprit ? SCENE_NOISE : 1);
      for (let index = 0; index < count; index += 1) {
        const at = start + Math.floor((index * MINUTE_MS) / count);
        spans.push(...requestOf(tenant, at, isNoisy ? 300 + place * 70 : 50, 20));
      }
    }
  }
  return spans;
}
