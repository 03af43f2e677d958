import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const LOCK = new URL('../../package-lock.json', import.meta.url);

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe('package-lock.json', () => {
  it('names every optional package of every platform, as `npm ci` refuses a lock that lacks one', () => {
    const lock = JSON.parse(readFileSync(LOCK, 'utf8')) as {
      readonly packages: Readonly<Record<string, LockedPackage>>;
    };
    const missing: string[] = [];
    let checked = 0;
    for (const [path, locked] of Object.entries(lock.packages)) {
      for (const name of Object.keys(locked.optionalDependencies ?? {})) {
        checked += 1;
        const nested = `${path}/node_modules/${name}`;
        if (lock.packages[nested] === undefined && lock.packages[`node_modules/${name}`] === undefined)
          missing.push(`${path} needs ${name}`);
      }
    }
    expect(missing).toEqual([]);
    expect(checked).toBeGreaterThan(20);
  });
});
