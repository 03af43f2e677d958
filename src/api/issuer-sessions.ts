/** Sessions of the issuer for development that were ended before their time; also over a restart. */
import { randomUUID } from 'node:crypto';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { SECOND_MS } from '../domain/window.ts';

const TOKENS_FILE = 'dev-issuer-revoked.json';
const PEOPLE_FILE = 'dev-issuer-ended.json';

const timesSchema = z.record(z.string(), z.number());

interface Lives {
  readonly sessionLifeMs: number;
  /** How long after its end a token is still taken. */
  readonly toleranceSeconds: number;
}

/** Writes a file that is complete whenever it can be seen under its name. */
export async function writePrivately(
  folder: string,
  name: string,
  text: string,
  publish: typeof rename,
): Promise<void> {
  const temporary = join(folder, `.${name}.${randomUUID()}`);
  await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
  try {
    await publish(temporary, join(folder, name));
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function loadTimes(folder: string, name: string): Promise<Map<string, number>> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => '{}');
  return new Map(Object.entries(timesSchema.parse(JSON.parse(text))));
}

/** One text for a person in a tenant; no two pairs share one. */
function nameOf(tenant: unknown, subject: unknown): string {
  return JSON.stringify([tenant, subject]);
}

export class EndedSessions {
  readonly #folder: string;
  readonly #lives: Lives;
  /** Ends of tokens in Unix seconds, by their id. */
  readonly #tokens: Map<string, number>;
  /** Unix ms up to which sessions were ended, by person. */
  readonly #people: Map<string, number>;

  private constructor(folder: string, lives: Lives, tokens: Map<string, number>, people: Map<string, number>) {
    this.#folder = folder;
    this.#lives = lives;
    this.#tokens = tokens;
    this.#people = people;
  }

  static async load(folder: string, lives: Lives): Promise<EndedSessions> {
    return new EndedSessions(folder, lives, await loadTimes(folder, TOKENS_FILE), await loadTimes(folder, PEOPLE_FILE));
  }

  /** Whether the token with these verified claims belongs to a session that was ended. */
  has({ jti = '', sub, iat = 0, ...claims }: JWTPayload): boolean {
    const endedAt = this.#people.get(nameOf(claims['tenant_id'], sub));
    return this.#tokens.has(jti) || (endedAt !== undefined && iat * SECOND_MS <= endedAt);
  }

  /** `exp` in Unix seconds, `now` in Unix ms. */
  async endToken(jti: string, exp: number, now: number): Promise<void> {
    const forgettable = now / SECOND_MS - this.#lives.toleranceSeconds;
    for (const [id, end] of this.#tokens) if (end < forgettable) this.#tokens.delete(id);
    this.#tokens.set(jti, exp);
    await this.#write(TOKENS_FILE, this.#tokens);
  }

  /** `now` in Unix ms. */
  async endPerson(tenant: string, subject: string, now: number): Promise<void> {
    const forgettable = now - this.#lives.sessionLifeMs - this.#lives.toleranceSeconds * SECOND_MS;
    for (const [name, at] of this.#people) if (at < forgettable) this.#people.delete(name);
    this.#people.set(nameOf(tenant, subject), now);
    await this.#write(PEOPLE_FILE, this.#people);
  }

  async #write(name: string, times: ReadonlyMap<string, number>): Promise<void> {
    await writePrivately(this.#folder, name, JSON.stringify(Object.fromEntries(times)), rename);
  }
}
