import { useState } from 'preact/hooks';
import type { CreatedKey } from '../../../src/api/keys-contract.ts';
import type { PlanFeatureList } from '../../../src/api/plan-features-contract.ts';
import type { DirectoryItem } from '../../../src/api/scim-contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { createKey } from './account-api.ts';
import { ROLE_NAMES } from './account-text.ts';
import { forgetDirectory, readDirectory } from './directory-api.ts';
import { DirectoryRules } from './directory-rules-form.tsx';
import { KeyOnce } from './keys-section.tsx';
import { SectionTitle } from './section-title.tsx';
import '../styles/account.css';

/** The directory that tells who the tenant's people are (SCIM): how it stands, and which groups stand for which roles. */
export function DirectorySection({ tenantId, onChange }: { tenantId: string; onChange: () => void }) {
  const live = useLive(`directory ${tenantId}`, (signal) => readDirectory(tenantId, signal), 30_000);
  const changed = () => {
    live.refresh();
    onChange();
  };
  return (
    <section class="usage-section" aria-labelledby="directory-title" data-testid="directory">
      <header class="section-head">
        <SectionTitle id="directory-title" text="Directory" ofPage={false} />
      </header>
      <p class="muted section-about">
        A directory such as Okta or Entra ID can tell by SCIM who your people are: who leaves there has no access here
        with the next request, and groups stand for roles.
      </p>
      <Loaded live={live}>
        {({ directory, plan }) =>
          includes(plan) ? (
            <Standing tenantId={tenantId} directory={directory} onChange={changed} />
          ) : (
            <p class="directory-body" data-testid="directory-beyond-plan">
              The plan {plan.plan} does not include a directory.
            </p>
          )
        }
      </Loaded>
    </section>
  );
}

function includes({ items }: PlanFeatureList): boolean {
  return items.some(({ feature, included }) => feature === 'scim' && included);
}

function Standing(props: { tenantId: string; directory: DirectoryItem; onChange: () => void }) {
  const { tenantId, directory, onChange } = props;
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const [editing, setEditing] = useState(false);
  const isConnected = directory.users > 0 || directory.groups.length > 0;
  const time = (text: string | null) => (text === null ? 'never' : clock.dateMinute(Date.parse(text)));
  return (
    <div class="directory-body">
      <dl class="directory-facts">
        <dt>Address</dt>
        <dd>
          <code data-testid="directory-address">{`${location.origin}${directory.base_path}`}</code>
        </dd>
        <dt>People</dt>
        <dd data-testid="directory-people">
          {`${directory.users}, of whom ${directory.active_users} with access and ${directory.users_with_role} with a role`}
        </dd>
        <dt>Last call</dt>
        <dd>{time(newest(directory))}</dd>
        <dt>Last change</dt>
        <dd>{time(directory.last_change_at)}</dd>
        <dt>Roles</dt>
        <dd>
          <RuleList directory={directory} />
        </dd>
      </dl>
      <p class="directory-actions">
        <DirectoryKey tenantId={tenantId} />
        <button type="button" class="button small" data-testid="edit-rules" onClick={() => setEditing(true)}>
          Groups and roles
        </button>
        {(isConnected || directory.revision > 0) && (
          <AskButton
            label="Forget the directory"
            title="Forget the directory"
            action="Forget it"
            danger
            onConfirm={() => forgetDirectory(tenantId)}
            onDone={onChange}
          >
            <p>
              Its people, groups and rules are forgotten. Members stay as they are and can be changed here again; whose
              access it had ended is known no more. Revoke its key as well, or it tells everything anew.
            </p>
          </AskButton>
        )}
      </p>
      {editing && (
        <DirectoryRules
          tenantId={tenantId}
          directory={directory}
          onClose={() => setEditing(false)}
          onSaved={() => {
            setEditing(false);
            onChange();
          }}
        />
      )}
    </div>
  );
}

/** Calls are noted about once a minute, changes at once. */
function newest({ last_contact_at: call, last_change_at: change }: DirectoryItem): string | null {
  if (call === null || change === null) return call ?? change;
  return Date.parse(call) > Date.parse(change) ? call : change;
}

function RuleList({ directory: { rules, authoritative } }: { directory: DirectoryItem }) {
  if (rules.length === 0) return <>No group stands for a role; the directory only takes access away.</>;
  return (
    <>
      <ul class="directory-rules" data-testid="directory-rules">
        {rules.map(({ match, value, role }) => (
          <li key={`${match} ${value}`}>
            {match === 'external_id' ? <code>{value}</code> : value}: {ROLE_NAMES[role]}
          </li>
        ))}
      </ul>
      {authoritative && <span class="muted small">The directory alone gives roles.</span>}
    </>
  );
}

/** A key for the directory, shown once. */
function DirectoryKey({ tenantId }: { tenantId: string }) {
  const [made, setMade] = useState<CreatedKey | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const make = () => {
    setProblem(undefined);
    createKey({ name: 'Directory (SCIM)', scopes: ['scim'], tenant_id: tenantId }).then(setMade, (error: unknown) =>
      setProblem(error instanceof Error ? error.message : 'It could not be made'),
    );
  };
  return (
    <>
      <button type="button" class="button small" data-testid="make-directory-key" onClick={make}>
        Make a key for it
      </button>
      {problem !== undefined && (
        <span class="bad-text" role="alert">
          {problem}
        </span>
      )}
      {made && <KeyOnce made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}
