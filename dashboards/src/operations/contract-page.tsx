import { useState } from 'preact/hooks';
import type { ContractItem } from '../../../src/api/prices-contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { tenantHref } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import { ContractForm, MemberForm } from './contract-forms.tsx';
import { listContracts, removeContract, takeOutOfContract } from './price-api.ts';
import { EndPriceButton } from './price-end.tsx';
import { PriceForm } from './price-form.tsx';
import { dateText, PRICE_TABS, subjectText, termsText } from './price-text.ts';

/** What was agreed with groups of tenants: a discount off the book, and prices of its own. */
export function ContractsPage({ query }: PageProps) {
  const live = useLive('contracts', listContracts, null);
  const [adding, setAdding] = useState(false);
  const changed = () => {
    setAdding(false);
    live.refresh();
  };
  return (
    <>
      <div class="page-head">
        <h1>Contracts</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            New contract
          </button>
        </div>
      </div>
      <Tabs label="Prices" pages={PRICE_TABS} current="/prices/contracts" query={query} />
      <p class="intro">
        A contract takes a share off what the book says, and may have prices of its own, which its discount does not
        touch. A tenant is under one contract at a time; what it was promised itself overrules both.
      </p>
      <Loaded live={live}>
        {(contracts) => (
          <section class="stack" aria-label="Contracts">
            {contracts.length === 0 && (
              <p class="card table-empty">No contract yet. Make one, then put tenants under it.</p>
            )}
            {contracts.map((contract) => (
              <Contract key={contract.name} contract={contract} query={query} onChanged={changed} />
            ))}
          </section>
        )}
      </Loaded>
      {adding && <ContractForm contract={undefined} onClose={() => setAdding(false)} onSaved={changed} />}
    </>
  );
}

type Open = 'terms' | 'member' | 'price' | undefined;

function Contract(props: { contract: ContractItem; query: URLSearchParams; onChanged: () => void }) {
  const { contract } = props;
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const saved = () => {
    close();
    props.onChanged();
  };
  return (
    <article class="item card" data-testid="contract" data-contract={contract.name}>
      <div class="item-main">
        <p class="item-head">
          <strong>{contract.name}</strong>
          <span class="badge accent">{contract.discount_percent} % off the book</span>
          <span class="muted small">
            {dateText(contract.effective_from, 'since ever')} to {dateText(contract.effective_to, 'further notice')}
          </span>
        </p>
        <Members {...props} />
        {contract.prices.map((price) => (
          <p key={price.id} class="row">
            <span class="row-main">
              {price.model} <span class="muted">by {price.provider}</span>, {subjectText(price)}: {termsText(price)}
            </span>
            <EndPriceButton owner={{ kind: 'contract', name: contract.name }} price={price} onDone={props.onChanged} />
          </p>
        ))}
      </div>
      <div class="item-actions">
        <button type="button" class="button small" onClick={() => setOpen('member')}>
          Add a tenant
        </button>
        <button type="button" class="button small" onClick={() => setOpen('price')}>
          Agree a price
        </button>
        <button type="button" class="button small" onClick={() => setOpen('terms')}>
          Change terms
        </button>
        <AskButton
          label="Delete …"
          about={contract.name}
          title={`Delete the contract ${contract.name}?`}
          action="Delete"
          danger
          class="button small danger-quiet"
          reason="Replaced by gold-2027"
          onConfirm={(reason) => removeContract(contract.name, reason)}
          onDone={props.onChanged}
        >
          <p>
            As if it had never been: its {contract.tenants.length} tenants and {contract.prices.length} prices go with
            it, in every open month. To end it from a day on, change its terms instead.
          </p>
        </AskButton>
      </div>
      {open === 'terms' && <ContractForm contract={contract} onClose={close} onSaved={saved} />}
      {open === 'member' && <MemberForm contract={contract.name} onClose={close} onSaved={saved} />}
      {open === 'price' && (
        <PriceForm
          owner={{ kind: 'contract', name: contract.name }}
          title={`Agree a price in ${contract.name}`}
          onClose={close}
          onSaved={saved}
        />
      )}
    </article>
  );
}

function Members(props: { contract: ContractItem; query: URLSearchParams; onChanged: () => void }) {
  const { name, tenants } = props.contract;
  if (tenants.length === 0) return <p class="muted">No tenant is under it.</p>;
  return (
    <ul aria-label={`Tenants under ${name}`}>
      {tenants.map(({ tenant_id: tenantId, effective_from: from, effective_to: to }) => (
        <li key={`${tenantId} ${from ?? ''}`} class="row">
          <span class="row-main">
            <Link href={tenantHref(tenantId, props.query)}>{tenantId}</Link>{' '}
            <span class="muted small">
              {dateText(from, 'since ever')} to {dateText(to, 'further notice')}
            </span>
          </span>
          <AskButton
            label="Take out …"
            about={tenantId}
            title={`Take ${tenantId} out of ${name}?`}
            action="Take out"
            danger
            class="button small danger-quiet"
            reason="Was put there by mistake"
            onConfirm={(reason) => takeOutOfContract(name, tenantId, reason)}
            onDone={props.onChanged}
          >
            <p>
              As if it had never been under it, in every open month. To end it from a day on, add the tenant again with
              an end.
            </p>
          </AskButton>
        </li>
      ))}
    </ul>
  );
}
