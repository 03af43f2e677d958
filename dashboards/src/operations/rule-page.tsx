import { useState } from 'preact/hooks';
import type { AllocationRuleSet } from '../../../src/api/bills-contract.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { withQuery } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import '../styles/money.css';
import { getRules, listRuleVersions } from './bill-api.ts';
import { BILL_TABS } from './bill-text.ts';
import { RuleEditor } from './rule-editor.tsx';
import { RuleList } from './rule-list.tsx';

/** The rules by which bills are shared out: read, changed, tried on a bill, kept as versions. */
export function RulesPage({ query, who }: PageProps) {
  const asked = Number(query.get('version') ?? Number.NaN);
  const version = Number.isInteger(asked) && asked >= 0 ? asked : undefined;
  const live = useLive(`rules ${version ?? 'newest'}`, (signal) => getRules(version, signal), null);
  const newest = useLive('rules newest', (signal) => getRules(undefined, signal), null);
  const mayEdit = isFor(who, SALES_ROLES);
  const [saved, setSaved] = useState<string | undefined>();
  const hrefOf = (number: number | undefined) => {
    const next = new URLSearchParams(query);
    if (number === undefined) next.delete('version');
    else next.set('version', String(number));
    return withQuery('/bills/rules', next);
  };
  const editing = mayEdit && newest.data !== undefined;
  return (
    <>
      <div class="page-head">
        <h1>Allocation rules</h1>
      </div>
      <Tabs label="Bills" pages={BILL_TABS} current="/bills/rules" query={query} />
      <p class="intro">
        Each line of a bill goes to the first rule that is for it. What no rule takes is unallocated, in plain sight.
        Bills keep their shares until they are shared out again.
      </p>
      {saved !== undefined && (
        <p class="card table-empty good-text" role="status" data-testid="rules-saved">
          {saved}
        </p>
      )}
      <Loaded live={live}>
        {(set) => (
          <>
            <Standing set={set} newest={newest.data?.version} currentHref={hrefOf(undefined)} />
            {editing ? (
              <RuleEditor
                key={`${set.version} ${newest.data?.version ?? ''}`}
                start={set.rules}
                basedOn={newest.data?.version ?? set.version}
                isOld={newest.data !== undefined && set.version !== newest.data.version}
                onSaved={(next) => {
                  setSaved(`Saved as version ${next.version}. Share bills out again for it to show in their figures.`);
                  newest.refresh();
                  live.refresh();
                }}
              />
            ) : (
              <RuleList rules={set.rules} />
            )}
          </>
        )}
      </Loaded>
      <Versions key={newest.data?.version} hrefOf={hrefOf} shown={version} />
    </>
  );
}

function Standing(props: { set: AllocationRuleSet; newest: number | undefined; currentHref: string }) {
  const { set, newest } = props;
  const { zone } = usePreferences();
  if (newest !== undefined && set.version !== newest) {
    return (
      <div class="banner">
        <span>
          These are the rules of version {set.version}. Version {newest} holds now.
        </span>
        <Link class="button small" href={props.currentHref}>
          Show version {newest}
        </Link>
      </div>
    );
  }
  if (set.created_at === null) return <p class="muted">There were never any rules.</p>;
  return (
    <p class="muted small">
      Version {set.version}, by {set.created_by} at {timeText(zone).dateMinute(Date.parse(set.created_at))}
      {set.comment !== null && `: ${set.comment}`}
    </p>
  );
}

function Versions(props: { hrefOf: (version: number) => string; shown: number | undefined }) {
  const live = useLive('rule versions', listRuleVersions, null);
  const { zone } = usePreferences();
  return (
    <Loaded live={live}>
      {({ items }) => (
        <section class="card rows" aria-labelledby="versions" data-testid="rule-versions">
          <h2 id="versions">Versions</h2>
          {items.length === 0 && <p class="muted small">None yet.</p>}
          <ol class="versions">
            {items.map(({ version, comment, created_by: by, created_at: at }) => (
              <li key={version} class="row">
                <span class="row-main">
                  <Link href={props.hrefOf(version)} current={version === props.shown}>
                    Version {version}
                  </Link>{' '}
                  {comment}{' '}
                  <span class="muted small">
                    by {by} at {timeText(zone).dateMinute(Date.parse(at))}
                  </span>
                </span>
              </li>
            ))}
          </ol>
        </section>
      )}
    </Loaded>
  );
}
