import type { EmbedLedger } from '../api/embed-ports.ts';
import { createEmbedTokens, type EmbedTokens } from '../api/embed-tokens.ts';
import type { Members } from '../api/members-ports.ts';
import type { Config } from '../config/config.ts';
import { EmbedStore } from '../store/postgres/embed-store.ts';
import { MemberStore } from '../store/postgres/member-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import { embedKeys } from './embed.ts';
import { secretsKeys } from './secrets-keys.ts';

export interface AccountsOptions {
  readonly postgres: Postgres;
  readonly directory: TenantDirectory;
  readonly config: Config;
}

export interface AccountParts {
  readonly ports: { readonly members: Members; readonly embeds: EmbedLedger };
  readonly embed: EmbedTokens;
}

/** What a tenant's own admin keeps, and what shows a tenant's usage in the operator's product. Runs nothing by itself. */
export function startAccounts({ postgres, directory, config }: AccountsOptions): AccountParts {
  const embeds = new EmbedStore(postgres);
  return {
    ports: {
      members: new MemberStore(postgres, directory),
      embeds,
    },
    embed: createEmbedTokens(embedKeys(secretsKeys(config)), embeds, Date.now),
  };
}
