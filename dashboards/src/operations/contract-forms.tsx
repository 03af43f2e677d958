import type { ContractItem } from '../../../src/api/prices-contract.ts';
import { FormDialog, TextField } from '../shared/form.tsx';
import { TenantField } from '../shared/form-tenant.tsx';
import { useForm } from '../shared/use-form.ts';
import { putUnderContract, setContract } from './price-api.ts';
import { utcOf } from './price-text.ts';

/** RFC 3339 as a date field holds it, both in UTC. */
function fieldOf(time: string | null | undefined): string {
  return time?.slice(0, 16) ?? '';
}

function period(draft: { effective_from: string; effective_to: string }) {
  const [from, to] = [utcOf(draft.effective_from), utcOf(draft.effective_to)];
  return {
    ...(from === undefined ? {} : { effective_from: from }),
    ...(to === undefined ? {} : { effective_to: to }),
  };
}

const WHY = 'Say why: it is kept with the version.';

/** A new contract, or other terms of one that there is. */
export function ContractForm(props: { contract: ContractItem | undefined; onClose: () => void; onSaved: () => void }) {
  const { contract } = props;
  const form = useForm({
    initial: {
      name: contract?.name ?? '',
      discount_percent: String(contract?.discount_percent ?? ''),
      effective_from: fieldOf(contract?.effective_from),
      effective_to: fieldOf(contract?.effective_to),
      reason: '',
    },
    check: ({ name, discount_percent: discount, reason }) => ({
      ...(/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)
        ? {}
        : { name: 'Lower-case letters, digits and . _ -, such as gold-2026.' }),
      ...(/^\d{1,3}(\.\d{1,2})?$/.test(discount) && Number(discount) <= 100
        ? {}
        : { discount_percent: 'A percentage from 0 to 100, such as 12.5.' }),
      ...(reason.trim() === '' ? { reason: WHY } : {}),
    }),
    send: (draft) =>
      setContract(draft.name, {
        discount_percent: Number(draft.discount_percent),
        ...period(draft),
        reason: draft.reason.trim(),
      }),
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={contract === undefined ? 'New contract' : `Terms of ${contract.name}`}
      submitLabel="Save"
      onCancel={props.onClose}
    >
      <div class="fields">
        {contract === undefined && <TextField field={form.field('name')} label="Name" placeholder="gold-2026" />}
        <TextField field={form.field('discount_percent')} kind="decimal" label="Discount, percent" />
        <TextField
          field={form.field('effective_from')}
          kind="datetime-local"
          label="Holds from, UTC"
          hint="A whole hour. Empty: since ever."
        />
        <TextField
          field={form.field('effective_to')}
          kind="datetime-local"
          label="Until, UTC"
          hint="Empty: further notice."
        />
        <TextField field={form.field('reason')} label="Reason" maxLength={500} full />
      </div>
    </FormDialog>
  );
}

export function MemberForm(props: { contract: string; onClose: () => void; onSaved: () => void }) {
  const form = useForm({
    initial: { tenant_id: '', effective_from: '', effective_to: '', reason: '' },
    check: ({ tenant_id, reason }) => ({
      ...(tenant_id.trim() === '' ? { tenant_id: 'Say which tenant.' } : {}),
      ...(reason.trim() === '' ? { reason: WHY } : {}),
    }),
    send: (draft) =>
      putUnderContract(props.contract, draft.tenant_id.trim(), { ...period(draft), reason: draft.reason.trim() }),
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={`Put a tenant under ${props.contract}`}
      submitLabel="Add"
      testId="member-dialog"
      onCancel={props.onClose}
    >
      <div class="fields">
        <TenantField field={form.field('tenant_id')} />
        <TextField field={form.field('reason')} label="Reason" maxLength={500} />
        <TextField
          field={form.field('effective_from')}
          kind="datetime-local"
          label="From, UTC"
          hint="A whole hour. Empty: since ever."
        />
        <TextField
          field={form.field('effective_to')}
          kind="datetime-local"
          label="Until, UTC"
          hint="Empty: further notice."
        />
      </div>
    </FormDialog>
  );
}
