import { readFile } from 'node:fs/promises';
import type { LabelScore, Span } from '../detect/label-score.ts';
import { TenantryError } from '../domain/errors.ts';

/**
 * What is known to have happened, one JSON object a line: `{ tenant_id, metric?, started_at, ended_at }` in seconds since
 * the epoch. The lines of an events file are of that shape too.
 * @throws TenantryError BAD_REQUEST with the line that is none
 */
export async function readLabels(path: string): Promise<Span[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((text, index) => {
    if (text.trim() === '') return [];
    const label = parse(text);
    if (label === undefined) {
      throw new TenantryError('BAD_REQUEST', `${path} line ${index + 1} is no label.`, {
        hint: 'A label is {"tenant_id": "…", "metric": "…", "started_at": …, "ended_at": …}; the metric may be left out.',
      });
    }
    return [label];
  });
}

function parse(text: string): Span | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isSpan(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSpan(value: unknown): value is Span {
  if (typeof value !== 'object' || value === null) return false;
  const { tenant_id, metric, started_at, ended_at } = value as Record<string, unknown>;
  const named = typeof tenant_id === 'string' && (metric === undefined || typeof metric === 'string');
  return named && typeof started_at === 'number' && typeof ended_at === 'number' && ended_at >= started_at;
}

const percent = (share: number | null) => (share === null ? '-' : `${(100 * share).toFixed(1)} %`);
const minutes = (seconds: number | null) => (seconds === null ? '-' : `${(seconds / 60).toFixed(0)} min`);

/** The score as lines for the terminal. */
export function scoreLines(score: LabelScore): string[] {
  const { labels, found, findings, falseAlarms, falseAlarmsPerTenantMonth: perMonth } = score;
  return [
    `precision ${percent(score.precision)} (${findings - falseAlarms} of ${findings} findings)`,
    `recall ${percent(score.recall)} (${found} of ${labels} labels)`,
    `delay ${minutes(score.medianDelay)} median, ${minutes(score.p90Delay)} p90`,
    `false alarms ${perMonth === null ? '-' : perMonth.toFixed(2)} per tenant-month`,
  ];
}
