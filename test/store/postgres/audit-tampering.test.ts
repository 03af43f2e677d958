/**
 * A thousand attacks on the chain, drawn at random: whoever edits, takes out, slips in, moves, cuts off or writes anew is
 * found. Against those who compute every later hash again helps a head that was kept elsewhere, and it alone.
 */
import { describe, expect, it } from 'vitest';
import type { AuditChainProblem, AuditHead } from '../../../src/domain/audit.ts';
import { type ChainRow, ChainWalk, linkHash } from '../../../src/store/postgres/audit-chain.ts';
import { oneOf, type Random, seeded } from '../../support/detect-random.ts';

const GENESIS = '00'.repeat(32);
const LENGTH = 300;
const ATTACKS = 1_000;

const fieldsOf = (seq: number, about: string): (string | null)[] => [
  ...[String(seq), '2026-06-15T12:00:00.000000Z', `person-${seq % 7}`, 'admin', `t${seq % 3}`],
  ...['throttle.create', `throttle/${about}`, null, `{"n": ${seq}}`, seq % 2 === 0 ? null : `r-${seq}`],
];

/** The chain over these records, as the database writes it. */
function chained(records: readonly (readonly (string | null)[])[], from = 0, previous = GENESIS): ChainRow[] {
  let hash = previous;
  return records.map((fields, index) => {
    const position = from + index + 1;
    hash = linkHash(hash, position, fields);
    const seq = fields[0] ?? '';
    return { position, hash, seq, recordSeq: seq, fields };
  });
}

const LOG = chained(Array.from({ length: LENGTH }, (_, index) => fieldsOf(index + 1, String(index + 1))));
const HEAD: AuditHead = { position: LENGTH, hash: LOG.at(-1)?.hash ?? '' };

function problemsOf(rows: readonly ChainRow[], kept: readonly AuditHead[] = []): AuditChainProblem['kind'][] {
  const walk = new ChainWalk(kept);
  for (const row of rows) walk.add(row);
  return walk.end().problems.map(({ kind }) => kind);
}

const placeIn = (random: Random, from = 0, to = LENGTH) => Math.floor(from + random() * (to - from));
const numbered = (rows: readonly ChainRow[]) => rows.map((row, index) => ({ ...row, position: index + 1 }));

/** Attacks of somebody who leaves the hashes as they are: each shows by itself. */
const CLUMSY: Readonly<Record<string, (random: Random) => ChainRow[]>> = {
  'a field edited': (random) => {
    const at = placeIn(random);
    const field = placeIn(random, 0, 10);
    return LOG.map((row, index) =>
      index === at
        ? { ...row, fields: row.fields.map((text, number) => (number === field ? `${text ?? ''}x` : text)) }
        : row,
    );
  },
  'a null made an empty text, or the other way round': (random) => {
    const at = placeIn(random);
    const swap = (text: string | null) => (text === null ? '' : null);
    return LOG.map((row, index) =>
      index === at ? { ...row, fields: row.fields.map((text, number) => (number === 7 ? swap(text) : text)) } : row,
    );
  },
  'a record taken out, its link left': (random) => {
    const at = placeIn(random);
    return LOG.map((row, index) => (index === at ? { ...row, recordSeq: null, fields: [] } : row));
  },
  'a link taken out': (random) => {
    const at = placeIn(random, 0, LENGTH - 1);
    return LOG.filter((_row, index) => index !== at);
  },
  'a run taken out and the places closed up': (random) => {
    const at = placeIn(random, 0, LENGTH - 10);
    return numbered(LOG.filter((_row, index) => index < at || index >= at + 5));
  },
  'two records that changed places': (random) => {
    const one = placeIn(random, 0, LENGTH / 2);
    const two = placeIn(random, LENGTH / 2, LENGTH);
    const rows = [...LOG];
    const [first, second] = [LOG[one], LOG[two]];
    if (first === undefined || second === undefined) throw new Error('no such place');
    rows[one] = { ...second, position: one + 1 };
    rows[two] = { ...first, position: two + 1 };
    return rows;
  },
  'a record slipped in, with a place of its own': (random) => {
    const at = placeIn(random);
    const forged = { ...chained([fieldsOf(9_999, 'forged')], at, LOG[at - 1]?.hash ?? GENESIS)[0] } as ChainRow;
    return numbered([...LOG.slice(0, at), forged, ...LOG.slice(at)]);
  },
  'a record written twice': (random) => {
    const at = placeIn(random);
    return numbered([...LOG.slice(0, at + 1), ...LOG.slice(at, at + 1), ...LOG.slice(at + 1)]);
  },
};

/** Attacks of somebody who computes the hashes again, or cuts the end off: they show by a head from before. */
const SKILLED: Readonly<Record<string, (random: Random) => ChainRow[]>> = {
  'an edit, with all that follows chained again': (random) => {
    const at = placeIn(random);
    const records = LOG.slice(at).map(({ fields }, index) => (index === 0 ? fieldsOf(at + 1, 'edited') : fields));
    return [...LOG.slice(0, at), ...chained(records, at, LOG[at - 1]?.hash)];
  },
  'a record taken out, with all that follows chained again, and one added at the end': (random) => {
    const at = placeIn(random);
    const records = [...LOG.slice(at + 1).map(({ fields }) => fields), fieldsOf(LENGTH + 1, 'added')];
    return [...LOG.slice(0, at), ...chained(records, at, LOG[at - 1]?.hash)];
  },
  'the whole written anew': (random) =>
    chained(LOG.map((_row, index) => fieldsOf(index + 1, `anew-${placeIn(random)}`))),
  'the end cut off': (random) => LOG.slice(0, placeIn(random, 1, LENGTH)),
  'everything gone': () => [],
};

describe(`${ATTACKS} attacks on a log`, () => {
  it('that is whole are none', () => {
    expect([problemsOf(LOG), problemsOf(LOG, [HEAD])]).toEqual([[], []]);
  });

  it('are found, each of them', () => {
    const random = seeded('attacks on the audit log');
    const missed: string[] = [];
    const made = new Map<string, number>();
    const kinds = [...Object.keys(CLUMSY), ...Object.keys(SKILLED)] as [string, ...string[]];
    for (let attack = 0; attack < ATTACKS; attack += 1) {
      const kind = oneOf(random, kinds);
      const rows = (CLUMSY[kind] ?? SKILLED[kind])?.(random) ?? LOG;
      made.set(kind, (made.get(kind) ?? 0) + 1);
      const found = problemsOf(rows, kind in CLUMSY ? [] : [HEAD]);
      if (found.length === 0) missed.push(`${attack}: ${kind}`);
    }
    expect(missed).toEqual([]);
    expect([...made.keys()].sort()).toEqual([...kinds].sort());
  });

  it('that are skilled are invisible without a head from before, which is why one is kept elsewhere', () => {
    const random = seeded('without a head');
    for (const [kind, attack] of Object.entries(SKILLED))
      expect([kind, problemsOf(attack(random))]).toEqual([kind, []]);
  });
});
