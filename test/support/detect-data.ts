import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Where the public traces lie; they are not part of the project. */
export const DETECTION_DATA = join(process.cwd(), '../shared/data/detection');

export function hasDetectionData(folder = DETECTION_DATA): boolean {
  return existsSync(join(folder, 'servegen'));
}

export interface RawSeries {
  readonly name: string;
  /** Unix seconds of the first value, or 0 where the source counts from its own beginning. */
  readonly start: number;
  readonly stepSeconds: number;
  readonly values: Float64Array;
}

export interface ClientTrace extends RawSeries {
  /** Coefficient of variation of the time between arrivals in each step. */
  readonly variation: Float64Array;
}

export interface LabelledSeries extends RawSeries {
  readonly labels: Uint8Array;
}

function rowsOf(file: string): string[][] {
  return gunzipSync(readFileSync(file))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(','));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.csv.gz'))
    .toSorted()
    .map((name) => join(folder, name));
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1, -'.csv.gz'.length);
}

/** Requests per 10 minutes of each ServeGen client. */
export function clientTraces(folder = DETECTION_DATA): ClientTrace[] {
  return filesIn(join(folder, 'servegen')).map((file) => {
    const rows = rowsOf(file);
    return {
      name: nameOf(file),
      start: 0,
      stepSeconds: 600,
      values: Float64Array.from(rows, (row) => Math.round(Number(row[1]) * 600)),
      variation: Float64Array.from(rows, (row) => Number(row[2] || 1)),
    };
  });
}

/** Mean tokens per request of each ServeGen client. */
export function clientTokens(folder = DETECTION_DATA): Map<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  const lines = readFileSync(join(folder, 'servegen', 'token_moments.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  for (const line of lines) {
    const [model, client, , input, , output] = line.split(',');
    const entry = sums.get(`${model}-${client}`) ?? { sum: 0, count: 0 };
    entry.sum += Number(input) + Number(output);
    entry.count += 1;
    sums.set(`${model}-${client}`, entry);
  }
  return new Map([...sums].map(([name, { sum, count }]) => [name, sum / count]));
}

/** Minute values of each AIOps KPI with the experts' labels. */
export function serviceKpis(folder = DETECTION_DATA): LabelledSeries[] {
  return filesIn(join(folder, 'aiops-kpi')).map((file) => {
    const rows = rowsOf(file).slice(1);
    return {
      name: nameOf(file).slice(0, 8),
      start: Number(rows[0]?.[0]),
      stepSeconds: 60,
      values: Float64Array.from(rows, (row) => Math.max(0, Number(row[1]))),
      labels: Uint8Array.from(rows, (row) => Number(row[2])),
    };
  });
}

/** Tweets per 5 minutes that name a company. */
export function tweetVolumes(folder = DETECTION_DATA): RawSeries[] {
  return filesIn(join(folder, 'nab', 'realTweets')).map((file) => {
    const rows = rowsOf(file).slice(1);
    const start = Math.floor(Date.parse(`${rows[0]?.[0]}Z`) / 300_000) * 300;
    return { name: nameOf(file), start, stepSeconds: 300, values: Float64Array.from(rows, (row) => Number(row[1])) };
  });
}

export interface NabFile {
  /** As in windows.json: `realTweets/Twitter_volume_AAPL.csv`. */
  readonly name: string;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** Labelled windows, both ends included, unix seconds. */
  readonly windows: readonly (readonly [number, number])[];
}

const unixOf = (text: string | undefined) => Math.round(Date.parse(`${text}Z`) / 1_000);

export function nabFiles(folder = DETECTION_DATA): NabFile[] {
  const root = join(folder, 'nab');
  const windows = JSON.parse(readFileSync(join(root, 'windows.json'), 'utf8')) as Record<string, [string, string][]>;
  return Object.keys(windows)
    .toSorted()
    .filter((name) => existsSync(join(root, `${name}.gz`)))
    .map((name) => {
      const rows = rowsOf(join(root, `${name}.gz`)).slice(1);
      return {
        name,
        times: Float64Array.from(rows, (row) => unixOf(row[0])),
        values: Float64Array.from(rows, (row) => Number(row[1])),
        windows: (windows[name] ?? []).map(([from, to]) => [unixOf(from), unixOf(to)] as const),
      };
    });
}
