import type { WhoAmI } from '../../../src/api/contract.ts';
import { isFor, OPERATOR_ROLES } from '../shared/page.ts';
import { Tabs } from '../shared/tabs.tsx';

/** The ways between the pages about telemetry, as far as `who` may go them. */
export function IngestTabs(props: { current: string; query: URLSearchParams; who: WhoAmI | undefined }) {
  const operators: readonly (readonly [string, string])[] = isFor(props.who, OPERATOR_ROLES)
    ? [['/ingest', 'Health']]
    : [];
  const pages = [...operators, ['/attribution', 'Attribution'], ['/setup', 'Set-up']] as const;
  return <Tabs label="Telemetry" pages={pages} current={props.current} query={props.query} />;
}
