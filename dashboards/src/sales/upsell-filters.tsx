import type { ComponentChildren } from 'preact';
import { FilterBar, FilterChoice, FilterText } from '../shared/filter-bar.tsx';
import { SIGNAL_WORDS } from './upsell-evidence.ts';
import { type Customer, choicesOf, type Filters, UNSAID } from './upsell-model.ts';

const named = (values: readonly (string | null)[], none: string) =>
  choicesOf(values).map((value) => [value, value === UNSAID ? none : value] as const);

/** Narrows every list of the page. */
export function UpsellFilters(props: {
  filters: Filters;
  customers: readonly Customer[];
  withSignals: boolean;
  children?: ComponentChildren;
}) {
  const { filters, customers } = props;
  const of = (name: 'plan' | 'segment' | 'owner', label: string) => (
    <FilterChoice
      {...{ name, label, value: filters[name] }}
      options={named(
        customers.map((customer) => customer[name]),
        `no ${name}`,
      )}
    />
  );
  return (
    <FilterBar>
      <FilterText name="q" label="Customer" value={filters.q} />
      {props.withSignals && (
        <FilterChoice
          {...{ name: 'signal', label: 'Signal', value: filters.signal }}
          options={Object.entries(SIGNAL_WORDS)}
        />
      )}
      {of('plan', 'Plan')}
      {of('segment', 'Segment')}
      {of('owner', 'Owner')}
      {props.children}
    </FilterBar>
  );
}
