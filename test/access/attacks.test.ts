/** Attacks on the real server and its real stores, by those who may ask and want more. One server for all of them. */
import { afterAll, beforeAll, describe } from 'vitest';
import { type AttackWorld, startAttackWorld } from './attacks/attack-world.ts';
import { csvSuite } from './attacks/csv-suite.ts';
import { fieldsSuite } from './attacks/fields-suite.ts';
import { idorSuite } from './attacks/idor-suite.ts';
import { injectionSuite } from './attacks/injection-suite.ts';
import { massAssignmentSuite } from './attacks/mass-assignment-suite.ts';

let world: AttackWorld;
beforeAll(async () => {
  world = await startAttackWorld();
}, 120_000);
afterAll(() => world.end());

describe('what is of another tenant', () => idorSuite(() => world));
describe('a field too many', () => massAssignmentSuite(() => world));
describe('a field that a tenant reads', () => fieldsSuite(() => world));
describe('a formula', () => csvSuite(() => world));
describe('SQL', () => injectionSuite(() => world));
