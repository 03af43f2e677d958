import { useMemo, useState } from 'preact/hooks';
import type { PriceItem, PriceList, UnpricedList } from '../../../src/api/prices-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import { isFor, type PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { withQuery } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import '../styles/money.css';
import { allPrices, listPrices, listUnpriced, listVersions, type PriceQuery } from './price-api.ts';
import { PriceForm } from './price-form.tsx';
import { PriceHistory } from './price-history.tsx';
import { dateText, LAYER_LABELS, PRICE_TABS, priceText, subjectText, unitText, unpricedText } from './price-text.ts';

interface Editing {
  readonly provider?: string;
  readonly model?: string;
}

/** What each model costs, since when and who says so; first of all what has no price. */
export function PricesPage({ query, who }: PageProps) {
  const mayEdit = isFor(who, ['admin']);
  const isAll = query.get('time') === 'all';
  const asked: PriceQuery = {
    q: query.get('q') || undefined,
    layer: query.get('layer') || undefined,
    // By the hour, as prices hold by the hour: the question stays the same between two renderings.
    at: isAll ? undefined : new Date(Math.floor(serverNow() / 3_600_000) * 3_600_000).toISOString(),
  };
  const live = useLive(JSON.stringify(asked), (signal) => listPrices(asked, undefined, signal), null);
  const unpriced = useLive('unpriced', listUnpriced, null);
  const versions = useLive('versions', listVersions, null);
  const [editing, setEditing] = useState<Editing | undefined>();
  const refresh = () => {
    live.refresh();
    unpriced.refresh();
    versions.refresh();
  };
  const open = { provider: query.get('provider'), model: query.get('model') };
  return (
    <>
      <div class="page-head">
        <h1>Price book</h1>
        {mayEdit && (
          <div class="page-actions">
            <button type="button" class="button primary" onClick={() => setEditing({})}>
              New price
            </button>
          </div>
        )}
      </div>
      <Tabs label="Prices" pages={PRICE_TABS} current="/prices" query={query} />
      {unpriced.data !== undefined && <Unpriced found={unpriced.data} mayEdit={mayEdit} onSet={setEditing} />}
      {open.provider !== null && open.model !== null && (
        <PriceHistory
          provider={open.provider}
          model={open.model}
          closeHref={withQuery('/prices', without(query, ['provider', 'model']))}
          mayEdit={mayEdit}
          onChanged={refresh}
        />
      )}
      <PriceFilters query={query} />
      <Loaded live={live}>{(list) => <Prices list={list} asked={asked} query={query} pending={live.pending} />}</Loaded>
      <Loaded live={versions}>{({ items }) => <Versions items={items} />}</Loaded>
      {editing !== undefined && (
        <PriceForm
          {...editing}
          owner={{ kind: 'book' }}
          title={editing.model === undefined ? 'New price' : `Price of ${editing.model}`}
          onClose={() => setEditing(undefined)}
          onSaved={() => {
            setEditing(undefined);
            refresh();
          }}
        />
      )}
    </>
  );
}

function without(query: URLSearchParams, names: readonly string[]): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => !names.includes(name)));
}

function Unpriced(props: { found: UnpricedList; mayEdit: boolean; onSet: (model: Editing) => void }) {
  const { items } = props.found;
  if (items.length === 0) return null;
  const calls = items.reduce((sum, item) => sum + item.calls, 0);
  return (
    <section class="card rows unpriced" aria-labelledby="unpriced" data-testid="unpriced">
      <h2 id="unpriced">
        {items.length === 1 ? '1 model has no price' : `${formatCount(items.length)} models have no price`}
      </h2>
      <p class="muted">
        {formatCount(calls)} calls of the last 30 days cost something that is in no figure. Unknown is not zero: set a
        price, and it is counted from then on, and in every open month before.
      </p>
      <ul>
        {items.map((item) => (
          <li key={`${item.provider} ${item.model}`} class="row" data-model={item.model}>
            <span class="row-main">
              <strong>{item.model}</strong> <span class="muted">by {item.provider || 'an unknown seller'}</span>
              <br />
              <span class="small muted">
                {formatCount(item.calls)} {item.calls === 1 ? 'call' : 'calls'} of {formatCount(item.tenants)}{' '}
                {item.tenants === 1 ? 'tenant' : 'tenants'}; {unpricedText(item.reason)}
              </span>
            </span>
            {props.mayEdit && (
              <button
                type="button"
                class="button small"
                aria-label={`Set a price for ${item.model}`}
                onClick={() => props.onSet({ provider: item.provider || '*', model: item.model })}
              >
                Set a price
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function PriceFilters({ query }: { query: URLSearchParams }) {
  const set = (name: string, value: string) => {
    const next = without(query, [name]);
    if (value !== '') next.set(name, value);
    navigate(withQuery('/prices', next), { replace: true });
  };
  return (
    <search class="filters">
      <label class="filter">
        <span class="visually-hidden">Seller or model</span>
        <input
          type="search"
          placeholder="Seller or model"
          value={query.get('q') ?? ''}
          onInput={(event) => set('q', event.currentTarget.value)}
        />
      </label>
      <label class="filter">
        <span class="muted small">Said by</span>
        <select value={query.get('layer') ?? ''} onChange={(event) => set('layer', event.currentTarget.value)}>
          <option value="">anybody</option>
          {Object.entries(LAYER_LABELS).map(([layer, label]) => (
            <option key={layer} value={layer}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label class="check-field">
        <input
          type="checkbox"
          checked={query.get('time') === 'all'}
          onChange={(event) => set('time', event.currentTarget.checked ? 'all' : '')}
        />
        <span>Also past and future prices</span>
      </label>
    </search>
  );
}

function Prices(props: { list: PriceList; asked: PriceQuery; query: URLSearchParams; pending: boolean }) {
  const { list, query } = props;
  const columns = useMemo((): readonly TableColumn<PriceItem>[] => {
    const hrefOf = ({ provider, model }: PriceItem) => {
      const next = new URLSearchParams(query);
      next.set('provider', provider);
      next.set('model', model);
      return withQuery('/prices', next);
    };
    return [
      {
        id: 'model',
        label: 'Model',
        align: 'left',
        value: ({ model }) => model,
        cell: (price) => <Link href={hrefOf(price)}>{price.model}</Link>,
      },
      { id: 'provider', label: 'Seller', align: 'left', value: ({ provider }) => provider },
      { id: 'kind', label: 'For', align: 'left', value: subjectText },
      {
        id: 'price_usd',
        label: 'Price',
        value: ({ price_usd }) => Number(price_usd),
        cell: ({ price_usd, steps }) => (
          <>
            {priceText(price_usd)}
            {steps.length > 0 && <span class="muted"> +{steps.length}</span>}
          </>
        ),
      },
      { id: 'unit', label: 'Unit', align: 'left', value: unitText },
      { id: 'from', label: 'From', align: 'left', wide: true, value: (price) => dateText(price.effective_from, '') },
      { id: 'to', label: 'To', align: 'left', wide: true, value: (price) => dateText(price.effective_to, '') },
      {
        id: 'layer',
        label: 'Said by',
        align: 'left',
        wide: true,
        value: ({ layer, tenant_id, contract }) => tenant_id ?? contract ?? LAYER_LABELS[layer],
      },
    ];
  }, [query]);
  return (
    <>
      {list.total > list.items.length && (
        <p class="muted small">
          The first {formatCount(list.items.length)} of {formatCount(list.total)}. Search to see the others; the CSV
          file has them all.
        </p>
      )}
      <DataTable
        id="prices"
        caption="Prices"
        columns={columns}
        rows={list.items}
        rowKey={({ id }) => id}
        pending={props.pending}
        allRows={() => allPrices(props.asked)}
        empty="No price fits. Search for less, or look at past and future prices too."
      />
    </>
  );
}

function Versions(props: {
  items: readonly {
    version: number;
    kind: string;
    reason: string;
    added: number;
    ended: number;
    by: string;
    at: string;
  }[];
}) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  return (
    <details class="card rows">
      <summary>
        <h2 class="inline">Versions of the book</h2> <span class="muted">{props.items.length}</span>
      </summary>
      <ol class="versions">
        {props.items.map(({ version, kind, reason, added, ended, by, at }) => (
          <li key={version} class="row">
            <span class="row-main">
              <strong>{version}</strong> <span class="badge">{kind}</span> {reason}{' '}
              <span class="muted small">
                by {by} at {clock.dateMinute(Date.parse(at))}; {formatCount(added)} added, {formatCount(ended)} ended
              </span>
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}
