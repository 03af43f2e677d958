import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { TenantField } from '../shared/form-tenant.tsx';
import { useForm } from '../shared/use-form.ts';
import { addPrices, type NewPrice, type PriceOwner } from './price-api.ts';
import { isDollars, utcOf } from './price-text.ts';

const TOKEN_KINDS = [
  ['input', 'Input'],
  ['output', 'Output'],
  ['cache_read', 'Cache read'],
  ['cache_write', 'Cache write'],
] as const;
/** Of which spans tell the amount, beyond tokens. */
const OTHER_KINDS = [
  ['embedding_input', 'Embedding input, per 1M tokens'],
  ['reasoning', 'Reasoning, per 1M tokens'],
  ['search_unit', 'Search unit, each'],
  ['request', 'Request, each'],
] as const;

const DRAFT = {
  tenant_id: '',
  provider: '',
  model: '',
  variant: 'standard',
  input: '',
  output: '',
  cache_read: '',
  cache_write: '',
  other_kind: 'embedding_input',
  other: '',
  effective_from: '',
  reason: '',
};
type Draft = typeof DRAFT;

/** The prices of a draft: one for each field that holds one. */
function pricesOf(draft: Draft): NewPrice[] {
  const { provider, model, variant } = draft;
  const from = utcOf(draft.effective_from);
  const given = [
    ...TOKEN_KINDS.map(([kind]) => [kind, draft[kind]] as const),
    [draft.other_kind, draft.other] as const,
  ].filter(([, price]) => price.trim() !== '');
  return given.map(([kind, price]) => ({
    ...{ provider: provider.trim(), model: model.trim(), kind, variant, price_usd: price.trim() },
    ...(from === undefined ? {} : { effective_from: from }),
  }));
}

function check(draft: Draft, needsTenant: boolean) {
  const problems: Record<string, string> = {};
  if (needsTenant && draft.tenant_id.trim() === '') problems['tenant_id'] = 'Say to whom it was promised.';
  if (draft.provider.trim() === '') problems['provider'] = 'The seller, or * for any.';
  if (draft.model.trim() === '') problems['model'] = 'The model as spans name it; * stands for any text.';
  for (const name of ['input', 'output', 'cache_read', 'cache_write', 'other'] as const) {
    if (draft[name].trim() !== '' && !isDollars(draft[name])) problems[name] = 'US dollars such as 2.50.';
  }
  if (pricesOf(draft).length === 0) problems['input'] = 'At least one price.';
  if (draft.reason.trim() === '') problems['reason'] = 'Say why: it is kept with the version.';
  return problems;
}

/** New prices for the book, a tenant (asked for when `owner` is undefined) or a contract. */
export function PriceForm(props: {
  owner: PriceOwner | undefined;
  title: string;
  provider?: string;
  model?: string;
  onClose: () => void;
  onSaved: () => void;
}) {
  const { owner } = props;
  const form = useForm({
    initial: { ...DRAFT, provider: props.provider ?? '', model: props.model ?? '' },
    check: (draft) => check(draft, owner === undefined),
    send: (draft) =>
      addPrices(owner ?? { kind: 'tenant', tenantId: draft.tenant_id.trim() }, pricesOf(draft), draft.reason.trim()),
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={props.title}
      submitLabel="Save prices"
      testId="price-dialog"
      wide
      onCancel={props.onClose}
    >
      <div class="fields">
        {owner === undefined && <TenantField field={form.field('tenant_id')} />}
        <TextField field={form.field('provider')} label="Seller" placeholder="openai" maxLength={128} />
        <TextField field={form.field('model')} label="Model" placeholder="gpt-4o-mini" maxLength={256} />
        <SelectField
          field={form.field('variant')}
          label="Service tier"
          options={['standard', 'batch', 'flex', 'priority']}
        />
      </div>
      <fieldset class="fields">
        <legend class="field-label">US dollars for a million tokens; empty: not charged for, or not known</legend>
        {TOKEN_KINDS.map(([kind, label]) => (
          <TextField key={kind} field={form.field(kind)} kind="decimal" label={label} />
        ))}
      </fieldset>
      <div class="fields">
        <SelectField field={form.field('other_kind')} label="Another kind" options={OTHER_KINDS} />
        <TextField field={form.field('other')} kind="decimal" label="Its price, US dollars" />
        <TextField
          field={form.field('effective_from')}
          kind="datetime-local"
          label="Holds from, UTC"
          hint="A whole hour. Empty: since ever."
        />
        <TextField field={form.field('reason')} label="Reason" placeholder="List of November" maxLength={500} />
      </div>
      <p class="muted small">
        It takes the place of what this layer says for the same thing and time. Open months follow at once; closed
        months keep their figures until a repricing is applied.
      </p>
    </FormDialog>
  );
}
