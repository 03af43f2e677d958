/** Where everything stands in the picture of who hurts whom. Pure: pixels from figures, no DOM. */
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { latencyText, meterName, percentText, shareText } from './noisy-text.ts';

type Load = NonNullable<NeighborsAnswer['load']>['tenants'][number];

export interface PictureRow {
  readonly id: string;
  /** Cut to what fits beside the value; the whole is the title. */
  readonly label: string;
  readonly value: string;
  readonly role: 'culprit' | 'suspect' | 'victim' | 'other' | 'rest';
  readonly y: number;
  /** Pixels of the bar, and where the usual is marked; null: not known what is usual. */
  readonly bar: number;
  readonly tick: number | null;
}

export interface PictureColumn {
  readonly part: 'load' | 'victims';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly title: string;
  readonly rows: readonly PictureRow[];
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly load: PictureColumn;
  readonly victims: PictureColumn | null;
  /** Paths from who did it to whom it hurts; the wider, the slower that one is. */
  readonly arrows: readonly { readonly to: string; readonly path: string; readonly width: number }[];
}

const ROW_HEIGHT = 44;
const HEAD_HEIGHT = 28;
export const BAR_HEIGHT = 10;
/** Of a row: where its bar begins. */
export const BAR_TOP = 22;
const MOST_ROWS = 8;
const NARROW = 720;
/** Pixels of an average character of the picture's text, a little generous. */
const CHARACTER = 7.4;

export function cutText(text: string, pixels: number): string {
  const room = Math.max(4, Math.floor(pixels / CHARACTER));
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`;
}

function roleOf(id: string, look: NeighborsAnswer): PictureRow['role'] {
  if (look.verdict === 'culprit' && look.suspects[0]?.tenant_id === id) return 'culprit';
  if (look.victims.some((victim) => victim.tenant_id === id)) return 'victim';
  return look.verdict !== 'quiet' && look.suspects[0]?.tenant_id === id ? 'suspect' : 'other';
}

/** The largest, and whoever is suspected most whatever its share; the others together in one row. */
function shownOf(look: NeighborsAnswer): { shown: Load[]; rest: { count: number; share: number } } {
  const tenants = look.load?.tenants ?? [];
  const suspect = look.verdict === 'quiet' ? undefined : look.suspects[0]?.tenant_id;
  const shown = tenants.filter(({ tenant_id: id }, place) => place < MOST_ROWS || id === suspect);
  const hidden = tenants.filter((tenant) => !shown.includes(tenant));
  return {
    shown,
    rest: {
      count: hidden.length + (look.load?.others ?? 0),
      share: hidden.reduce((sum, { share }) => sum + share, look.load?.others_share ?? 0),
    },
  };
}

function loadRows(look: NeighborsAnswer, width: number, y: number): PictureRow[] {
  const { shown, rest } = shownOf(look);
  const most = Math.max(0.01, rest.share, ...shown.map((one) => Math.max(one.share, one.usual_share ?? 0)));
  const rows = shown.map((one): PictureRow => {
    const value = shareText(one.share, one.usual_share);
    return {
      id: one.tenant_id,
      label: cutText(one.tenant_id, width - value.length * CHARACTER - 16),
      value,
      role: roleOf(one.tenant_id, look),
      y: 0,
      bar: (one.share / most) * width,
      tick: one.usual_share === null ? null : (one.usual_share / most) * width,
    };
  });
  if (rest.count > 0) {
    const value = percentText(rest.share);
    const label = rest.count === 1 ? '1 other tenant' : `${rest.count} other tenants`;
    rows.push({ id: '', label, value, role: 'rest', y: 0, bar: (rest.share / most) * width, tick: null });
  }
  return rows.map((row, index) => ({ ...row, y: y + HEAD_HEIGHT + index * ROW_HEIGHT }));
}

function victimRows(look: NeighborsAnswer, width: number, y: number): PictureRow[] {
  const shown = look.victims.slice(0, MOST_ROWS);
  const slowest = Math.max(1, ...shown.map(({ p95_ms: p95 }) => p95));
  const rows = shown.map((one): PictureRow => {
    const value = latencyText(one.p95_ms, one.usual_p95_ms);
    return {
      id: one.tenant_id,
      label: cutText(one.tenant_id, width - value.length * CHARACTER - 16),
      value,
      role: 'victim',
      y: 0,
      bar: (one.p95_ms / slowest) * width,
      tick: (one.usual_p95_ms / slowest) * width,
    };
  });
  const rest = look.victims.length - shown.length;
  if (rest > 0) rows.push({ id: '', label: `and ${rest} more`, value: '', role: 'rest', y: 0, bar: 0, tick: null });
  return rows.map((row, index) => ({ ...row, y: y + HEAD_HEIGHT + index * ROW_HEIGHT }));
}

const middleOf = (row: PictureRow) => row.y + BAR_TOP + BAR_HEIGHT / 2;

function arrowsOf(load: PictureColumn, victims: PictureColumn, isNarrow: boolean, look: NeighborsAnswer) {
  const culprit = load.rows.find(({ role }) => role === 'culprit');
  if (culprit === undefined) return [];
  const hurt = new Map(look.victims.map((one) => [one.tenant_id, one.p95_ms / Math.max(1, one.usual_p95_ms)]));
  return victims.rows
    .filter(({ id }) => id !== '')
    .map((row) => {
      const width = Math.min(5, 1.5 + Math.log2(Math.max(1, hurt.get(row.id) ?? 1)) / 2);
      if (isNarrow) {
        // Down the right edge, where no text stands, and in from the side.
        const x = load.width + 10;
        return {
          to: row.id,
          width: 1.5,
          path: `M${load.width + 2} ${middleOf(culprit)}H${x}V${middleOf(row)}H${load.width + 3}`,
        };
      }
      const [from, to] = [load.x + load.width + 6, victims.x - 10];
      const bend = (to - from) / 2;
      const [y1, y2] = [middleOf(culprit), middleOf(row)];
      return { to: row.id, width, path: `M${from} ${y1}C${from + bend} ${y1} ${to - bend} ${y2} ${to} ${y2}` };
    });
}

/** The picture for so many pixels: side by side where there is room, one under the other on a phone. */
export function pictureOf(look: NeighborsAnswer, width: number): Picture {
  const isNarrow = width < NARROW;
  const hasVictims = look.victims.length > 0;
  const loadWidth = isNarrow ? width - (hasVictims ? 14 : 0) : Math.round(width * (hasVictims ? 0.54 : 1));
  const meter = look.load === null ? 'requests' : look.load.meter;
  const load: PictureColumn = {
    part: 'load',
    x: 0,
    y: 0,
    width: loadWidth,
    title: `Share of all ${meterName(meter)}`,
    rows: loadRows(look, loadWidth, 0),
  };
  const loadHeight = HEAD_HEIGHT + load.rows.length * ROW_HEIGHT;
  if (!hasVictims) return { width, height: loadHeight, load, victims: null, arrows: [] };
  const x = isNarrow ? 0 : Math.round(width * 0.66);
  const y = isNarrow ? loadHeight + 12 : 0;
  const victimWidth = isNarrow ? loadWidth : width - x;
  const rows = victimRows(look, victimWidth, y);
  const victims: PictureColumn = {
    part: 'victims',
    x,
    y,
    width: victimWidth,
    title: 'P95 of those who are slow',
    rows,
  };
  const height = Math.max(loadHeight, y + HEAD_HEIGHT + rows.length * ROW_HEIGHT);
  return { width, height, load, victims, arrows: arrowsOf(load, victims, isNarrow, look) };
}
