import type { AuditItem } from '../../../src/api/audit-contract.ts';
import { setFilter } from '../shared/filter-bar.tsx';
import { Link } from '../shared/navigation.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { tenantHref } from '../shared/router.ts';
import { timeText } from '../shared/time-format.ts';
import { actionText, diffLines } from './audit-diff.ts';

/** One entry; unfolded, what it changed. Which one is open is in the address. */
export function AuditRecord(props: { item: AuditItem; query: URLSearchParams; linkTenants: boolean }) {
  const { item, query } = props;
  const { zone } = usePreferences();
  const at = Date.parse(item.at);
  const isOpen = query.get('entry') === item.id;
  return (
    <li class="audit-item" data-entry={item.id}>
      <div class="audit-row">
        <time class="muted" dateTime={item.at} title={timeText(zone).full(at)}>
          {timeText(zone).dateMinute(at)}
        </time>
        <span class="audit-what">
          <button
            type="button"
            class="audit-open"
            aria-expanded={isOpen}
            onClick={() => setFilter('entry', isOpen ? '' : item.id)}
          >
            {actionText(item.action)}
          </button>
          <span class="muted audit-resource" title={item.resource}>
            {item.resource}
          </span>
        </span>
        <span class="audit-who">
          {item.actor} <span class="badge">{item.role}</span>
        </span>
        <span class="audit-tenant">
          {item.tenant_id !== null &&
            (props.linkTenants ? (
              <Link href={tenantHref(item.tenant_id, query)}>{item.tenant_id}</Link>
            ) : (
              item.tenant_id
            ))}
        </span>
      </div>
      {isOpen && <Detail item={item} />}
    </li>
  );
}

function Detail({ item }: { item: AuditItem }) {
  const lines = diffLines(item.before, item.after);
  return (
    <div class="audit-detail" data-testid="audit-detail">
      {lines.length === 0 ? (
        <p class="muted small">Nothing was changed, or what changed is not kept with it.</p>
      ) : (
        <table class="diff">
          <caption class="visually-hidden">What was before and what is after</caption>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ path, kind, before, after }) => (
              <tr key={path} class={`diff-${kind}`}>
                <th scope="row">{path === '' ? 'value' : path}</th>
                <td>{before === undefined ? <span class="muted">–</span> : before}</td>
                <td>{after === undefined ? <span class="muted">–</span> : after}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <dl class="audit-facts small">
        <dt>Action</dt>
        <dd>
          <code>{item.action}</code>
        </dd>
        <dt>On</dt>
        <dd>
          <code>{item.resource}</code>
        </dd>
        <dt>Request</dt>
        <dd>{item.request_id === null ? <span class="muted">none</span> : <code>{item.request_id}</code>}</dd>
        <dt>Entry</dt>
        <dd>
          <code>{item.id}</code>
        </dd>
      </dl>
    </div>
  );
}
