import { createHash } from 'node:crypto';
import type { ProfileImport, TenantProfiles } from '../api/profiles-ports.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { ProfileChange } from '../domain/tenant-profile.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { ProfileStore } from '../store/postgres/profile-store.ts';
import { type ProfileProblem, readProfileCsv } from './profiles-csv.ts';

const PROBLEMS_TOLD = 20;
const MOST_LINES = 20_000;

/** What is known of tenants beside what they do. */
export function startProfiles(postgres: Postgres): TenantProfiles {
  const store = new ProfileStore(postgres);
  return {
    list: (actor, filter, page) => store.list(actor, filter, page),
    put: (actor, tenantId, fields, expected) => store.put(actor, tenantId, fields, expected),
    import: (actor, content, options) => importProfiles(store, actor, content, options),
  };
}

async function importProfiles(
  store: ProfileStore,
  actor: StaffActor,
  content: string,
  { dryRun, fingerprint: expected }: { readonly dryRun: boolean; readonly fingerprint: string | undefined },
): Promise<ProfileImport> {
  const { edits, problems: found } = readProfileCsv(content);
  const problems =
    edits.length > MOST_LINES ? [{ line: 1, problem: `the file has more than ${MOST_LINES} lines` }] : found;
  const lines = edits.length;
  if (problems.length > 0) {
    if (!dryRun) throw cannotImport(problems);
    return { lines, problems, changes: [], unchanged: 0, fingerprint: fingerprintOf([]) };
  }
  const changes = await store.change(actor, edits, (planned) => {
    if (expected !== undefined && expected !== fingerprintOf(planned)) throw changedMeanwhile();
    return !dryRun;
  });
  return { lines, problems, changes, unchanged: lines - changes.length, fingerprint: fingerprintOf(changes) };
}

function fingerprintOf(changes: readonly ProfileChange[]): string {
  const told = changes.map(({ tenantId, before, after }) => [tenantId, before, after]);
  return createHash('sha256').update(JSON.stringify(told)).digest('hex');
}

function changedMeanwhile(): TenantryError {
  return new TenantryError('CONFLICT', 'The file would do something else than its preview said.', {
    hint: 'Somebody changed a profile since: look at the preview again.',
  });
}

function cannotImport(problems: readonly ProfileProblem[]): TenantryError {
  const told = problems.slice(0, PROBLEMS_TOLD).map(({ line, problem }) => `line ${line}: ${problem}`);
  const more = problems.length > PROBLEMS_TOLD ? `; and ${problems.length - PROBLEMS_TOLD} more` : '';
  return new TenantryError('BAD_REQUEST', `The file cannot be imported. ${told.join('; ')}${more}.`, {
    hint: 'Nothing was changed. With dry_run every problem is told by its line.',
  });
}
