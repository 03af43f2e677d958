import type { Command } from 'commander';
import { afterEach, beforeEach, vi } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, startApi } from './api-harness.ts';

export interface CommandWorld {
  /** Of the test that runs. */
  readonly api: ApiUnderTest;
  /** Runs the command with these words; resolves with what it printed. */
  run(...words: string[]): Promise<string>;
}

/** A command of ours against an API of its own, fresh for each test of the file. */
export function commandWorld(make: () => Command): CommandWorld {
  let api: ApiUnderTest | undefined;
  let printed = '';
  beforeEach(async () => {
    api = await startApi();
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    vi.stubEnv('TENANTRY_API_PORT', new URL(url).port);
    vi.stubEnv('TENANTRY_ADMIN_TOKEN', ADMIN_TOKEN);
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    await api?.close();
  });
  return {
    get api() {
      if (api === undefined) throw new Error('no test is running');
      return api;
    },
    async run(...words) {
      printed = '';
      const command = make().exitOverride();
      for (const sub of command.commands) sub.exitOverride().configureOutput({ writeErr: () => undefined });
      await command.parseAsync(words, { from: 'user' });
      return printed;
    },
  };
}
