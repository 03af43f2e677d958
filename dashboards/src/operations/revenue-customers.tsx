import { useState } from 'preact/hooks';
import type { UnmappedCustomerList } from '../../../src/api/revenue-contract.ts';
import { FormDialog } from '../shared/form.tsx';
import { TenantField } from '../shared/form-tenant.tsx';
import { formatCount } from '../shared/format.ts';
import { useForm } from '../shared/use-form.ts';
import { mapCustomer } from './revenue-api.ts';

/** Customers of the billing system that are no tenant yet: what they pay is in no figure. */
export function RevenueCustomers(props: { customers: UnmappedCustomerList['items']; onMapped: () => void }) {
  const { customers } = props;
  const [mapping, setMapping] = useState<string | undefined>();
  if (customers.length === 0) return null;
  return (
    <section class="card rows unpriced" aria-labelledby="unmapped" data-testid="unmapped">
      <h2 id="unmapped">
        {customers.length === 1
          ? '1 customer is no tenant yet'
          : `${formatCount(customers.length)} customers are no tenant yet`}
      </h2>
      <p class="muted">What they pay is in no tenant’s figures, here or under cost and margin.</p>
      <ul>
        {customers.map(({ customer_id: id, subscriptions, invoices }) => (
          <li key={id} class="row" data-customer={id}>
            <span class="row-main">
              <strong>{id}</strong>{' '}
              <span class="muted small">
                {formatCount(subscriptions)} subscriptions, {formatCount(invoices)} invoices
              </span>
            </span>
            <button type="button" class="button small" aria-label={`Say who ${id} is`} onClick={() => setMapping(id)}>
              Say who it is
            </button>
          </li>
        ))}
      </ul>
      {mapping !== undefined && (
        <MapForm
          customerId={mapping}
          onClose={() => setMapping(undefined)}
          onMapped={() => {
            setMapping(undefined);
            props.onMapped();
          }}
        />
      )}
    </section>
  );
}

function MapForm(props: { customerId: string; onClose: () => void; onMapped: () => void }) {
  const form = useForm({
    initial: { tenant_id: '' },
    check: ({ tenant_id }): Record<string, string> =>
      tenant_id.trim() === '' ? { tenant_id: 'Say which tenant it is.' } : {},
    send: ({ tenant_id }) => mapCustomer(props.customerId, tenant_id.trim()),
    onSent: props.onMapped,
  });
  return (
    <FormDialog
      form={form}
      title={`Who is ${props.customerId}?`}
      submitLabel="Save"
      testId="map-dialog"
      onCancel={props.onClose}
    >
      <p class="muted">Holds for what is imported already and for what comes. It can be said anew at any time.</p>
      <TenantField field={form.field('tenant_id')} />
    </FormDialog>
  );
}
