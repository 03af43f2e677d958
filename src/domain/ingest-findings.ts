/** What is wrong with the way of telemetry, or soon will be: each with its figures and what to do. Pure words. */
import type { IngestSituation, IngestVerdict } from './ingest-situation.ts';
import { selfCheckAdvice } from './self-check.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from './window.ts';

/** `4 min`, `2 h`, `35 s`. */
export function roughly(ms: number): string {
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120
    ? `${minutes} min`
    : minutes < 2_880
      ? `${Math.round(minutes / 60)} h`
      : `${Math.round(minutes / 1_440)} days`;
}

export const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
export const count = (value: number) => String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',');
/** `1 request`, `2,000 requests`. */
export const counted = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

type Judge = (situation: IngestSituation) => IngestVerdict | undefined;
type Found = IngestVerdict | undefined;

/** A spool that is full before this is everybody's business at once; before a working day, somebody's. */
const FULL_SOON_MS = 30 * MINUTE_MS;
const FULL_TODAY_MS = 8 * HOUR_MS;
/** A rate over less is that of one segment. */
const LEAST_RATE_MS = MINUTE_MS;
/** An empty spool breathes by a segment or two. */
const LEAST_SHARE = 0.02;

/** When the spool is full if it goes on filling as it did; Unix ms, null: it does not fill. */
export function spoolFullAt({ now, intake, spoolBefore }: IngestSituation): number | null {
  if (intake === undefined || spoolBefore === null || spoolBefore === undefined) return null;
  const { bytes, maxBytes } = intake.standing.spool;
  const ms = now - spoolBefore.at;
  const grown = bytes - spoolBefore.bytes;
  if (ms < LEAST_RATE_MS || grown < maxBytes * LEAST_SHARE) return null;
  return now + Math.max(0, ((maxBytes - bytes) / grown) * ms);
}

function filling(situation: IngestSituation): Found {
  const { now, intake } = situation;
  const fullAt = spoolFullAt(situation);
  if (intake === undefined || fullAt === null || fullAt - now > FULL_TODAY_MS) return undefined;
  const { bytes, maxBytes } = intake.standing.spool;
  const clock = `${new Date(fullAt).toISOString().slice(11, 16)} UTC`;
  return {
    level: fullAt - now <= FULL_SOON_MS ? 'critical' : 'warning',
    text: `The spool fills: ${megabytes(bytes)} of ${megabytes(maxBytes)}, full in ${roughly(fullAt - now)} (at ${clock}) at the present rate.`,
    advice:
      'Get ClickHouse to take segments faster, or raise TENANTRY_SPOOL_MAX_BYTES while the disk has room. Once it is full, telemetry is refused and exporters try again for some minutes.',
  };
}

function selfCheck({ selfCheck: standing, now }: IngestSituation): Found {
  const [first, ...others] = standing?.failures ?? [];
  if (standing === undefined || first === undefined) return undefined;
  const since = standing.failingSince === null ? '' : ` for ${roughly(now - standing.failingSince)}`;
  const more = others.length === 0 ? '' : ` (and ${counted(others.length, 'finding')} more)`;
  return {
    level: 'critical',
    text: `The self-check has failed${since}. ${first.text}${more}`,
    advice: selfCheckAdvice(first),
  };
}

function lateSpans({ loader: { late } }: IngestSituation): Found {
  if (late?.trouble === undefined) return undefined;
  return {
    level: 'critical',
    text: `${counted(late.waitingSpans, 'span')} without a tenant of their own cannot be stored: ${late.trouble}`,
    advice: 'They are kept in ClickHouse and tried again by themselves; find out why it refuses the insert.',
  };
}

function corrupt({ intake }: IngestSituation): Found {
  const bytes = intake?.standing.spool.corruptBytes ?? 0;
  if (bytes === 0) return undefined;
  return {
    level: 'warning',
    text: `When ingest started, ${counted(bytes, 'byte')} of the spool could not be read any more and were set apart.`,
    advice:
      'They were acknowledged and may be missing in figures. Check the disk (`dmesg`, SMART); `tenantry quarantine list` names them. It is told until ingest starts again.',
  };
}

function keys({ intake, keysRevision }: IngestSituation): Found {
  const inUse = intake?.standing.keysRevision;
  if (keysRevision === undefined || inUse === undefined || intake === undefined) return undefined;
  if (inUse !== null && inUse >= keysRevision.revision) return undefined;
  const age = intake.writtenAt - keysRevision.since;
  if (age < 15 * SECOND_MS) return undefined;
  const has =
    inUse === null ? 'no list of keys' : `an old list of keys (revision ${inUse}, not ${keysRevision.revision})`;
  return {
    level: 'critical',
    text: `Ingest has worked with ${has} for ${roughly(age)}: new keys do not work, and those that were revoked still do.`,
    advice:
      'Its log says why keys.json in the spool folder cannot be read: its rights, most likely, or another folder.',
  };
}

/** Clocks of a fleet agree within some hundred milliseconds; more makes rates and delays wrong. */
const SKEW_MS = 2 * SECOND_MS;

function skew({ clocks = [] }: IngestSituation): Found {
  const [worst, ...others] = clocks
    .filter(({ aheadMs }) => aheadMs >= SKEW_MS)
    .toSorted((a, b) => b.aheadMs - a.aheadMs);
  if (worst === undefined) return undefined;
  const more = others.length === 0 ? '' : `, and of ${counted(others.length, 'other service')}`;
  return {
    level: 'warning',
    text: `Spans of ${worst.service} end up to ${roughly(worst.aheadMs)} after they arrive${more}: clocks are ahead.`,
    advice:
      'Set the clocks of these machines (chrony, NTP): spans too far ahead are set aside, others show in the wrong minute.',
  };
}

const MANY_RETRIES = 0.1;
const LEAST_RETRIES = 20;

function retries({ intake }: IngestSituation): Found {
  const { retriesRecognized = 0, requests = 0 } = intake?.standing ?? {};
  if (retriesRecognized < LEAST_RETRIES || retriesRecognized < requests * MANY_RETRIES) return undefined;
  return {
    level: 'warning',
    text: `${Math.round((retriesRecognized / requests) * 100)} % of the requests since ingest started had been stored already and came again.`,
    advice:
      'None is counted twice. Answers get lost on their way back: look for a proxy with a timeout shorter than that of the exporters.',
  };
}

function quarantine({ quarantined, quarantinedBytes }: IngestSituation): Found {
  if (quarantined === 0) return undefined;
  const size = quarantinedBytes === undefined ? '' : ` (${megabytes(quarantinedBytes)})`;
  return {
    level: 'warning',
    text: `${counted(quarantined, 'request is', 'requests are')} in quarantine${size}: ClickHouse refused them, and no figure counts them.`,
    advice: 'Read why with `tenantry quarantine list`, then replay or drop them.',
  };
}

const LIMIT_ADVICE =
  'Nothing else is held back by it. `GET /v1/ingest` names the limits and the keys; raise the setting of the limit, or have the sender send less.';

function limits({ intake }: IngestSituation): Found {
  const hit = Object.entries(intake?.standing.limited ?? {}).filter(([, n]) => n > 0);
  const [most, ...others] = hit.toSorted(([, a], [, b]) => b - a);
  if (most === undefined) return undefined;
  const [name, times] = most;
  const key = intake?.standing.keys.toSorted((a, b) => (b.limited ?? 0) - (a.limited ?? 0))[0];
  const who = key?.limited === undefined ? '' : `, mostly by key ${key.keyId}`;
  const more = others.length === 0 ? '' : `, and ${counted(others.length, 'other limit')}`;
  const text = `The limit ${name} was hit ${counted(times, 'time')} since ingest started${who}${more}.`;
  return { level: 'warning', text, advice: LIMIT_ADVICE };
}

function mismatches({ intake }: IngestSituation): Found {
  const wrong = (key: { tenantMismatches?: number; serviceMismatches?: number }) =>
    (key.tenantMismatches ?? 0) + (key.serviceMismatches ?? 0);
  const [worst] = intake?.standing.keys.toSorted((a, b) => wrong(b) - wrong(a)) ?? [];
  if (worst === undefined || wrong(worst) === 0) return undefined;
  return {
    level: 'warning',
    text: `Key ${worst.keyId} sent ${counted(wrong(worst), 'span')} in the name of another tenant or service than it is bound to.`,
    advice:
      'They were counted under those of the key. Either an app uses the wrong key, or somebody tries what a key lets through.',
  };
}

/** In the order in which they are told among their equals. */
export const FURTHER_JUDGES: readonly Judge[] = [
  filling,
  selfCheck,
  lateSpans,
  keys,
  corrupt,
  skew,
  retries,
  limits,
  mismatches,
  quarantine,
];
