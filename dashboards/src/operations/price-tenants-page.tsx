import { useMemo, useState } from 'preact/hooks';
import type { PriceItem } from '../../../src/api/prices-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { tenantHref } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import { listOverrides } from './price-api.ts';
import { EndPriceButton } from './price-end.tsx';
import { PriceForm } from './price-form.tsx';
import { dateText, PRICE_TABS, subjectText, termsText } from './price-text.ts';

/** Prices that were promised to single tenants; they overrule contracts and the book. */
export function PriceTenantsPage({ query }: PageProps) {
  const live = useLive('overrides', listOverrides, null);
  const [adding, setAdding] = useState(false);
  return (
    <>
      <div class="page-head">
        <h1>Promised prices</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            Promise a price
          </button>
        </div>
      </div>
      <Tabs label="Prices" pages={PRICE_TABS} current="/prices/tenants" query={query} />
      <p class="intro">What one tenant was promised overrules its contract and the book, for as long as it holds.</p>
      <Loaded live={live}>{(prices) => <Overrides prices={prices} query={query} onChanged={live.refresh} />}</Loaded>
      {adding && (
        <PriceForm
          owner={undefined}
          title="Promise a price"
          onClose={() => setAdding(false)}
          onSaved={() => {
            setAdding(false);
            live.refresh();
          }}
        />
      )}
    </>
  );
}

function Overrides(props: { prices: readonly PriceItem[]; query: URLSearchParams; onChanged: () => void }) {
  const { query, onChanged } = props;
  const columns = useMemo(
    (): readonly TableColumn<PriceItem>[] => [
      {
        id: 'tenant_id',
        label: 'Tenant',
        align: 'left',
        value: ({ tenant_id }) => tenant_id,
        cell: ({ tenant_id }) => tenant_id !== null && <Link href={tenantHref(tenant_id, query)}>{tenant_id}</Link>,
      },
      { id: 'model', label: 'Model', align: 'left', value: ({ model }) => model },
      { id: 'provider', label: 'Seller', align: 'left', wide: true, value: ({ provider }) => provider },
      { id: 'kind', label: 'For', align: 'left', value: subjectText },
      { id: 'price', label: 'Price', align: 'left', value: termsText },
      { id: 'from', label: 'From', align: 'left', wide: true, value: (price) => dateText(price.effective_from, '') },
      { id: 'to', label: 'To', align: 'left', wide: true, value: (price) => dateText(price.effective_to, '') },
      {
        id: 'end',
        label: '',
        sortable: false,
        value: () => null,
        cell: (price) => (
          <EndPriceButton
            owner={{ kind: 'tenant', tenantId: price.tenant_id ?? '' }}
            price={price}
            onDone={onChanged}
          />
        ),
      },
    ],
    [query, onChanged],
  );
  return (
    <DataTable
      id="promised-prices"
      caption="Prices promised to tenants"
      columns={columns}
      rows={props.prices}
      rowKey={({ id }) => id}
      defaultSort="tenant_id"
      empty="Nobody was promised a price of their own. Everybody pays what their contract or the book says."
    />
  );
}
