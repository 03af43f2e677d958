import type { TenantProfileItem } from '../../../src/api/contract.ts';
import { FormDialog, TextField } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { putProfile } from './cost-api.ts';

const orNull = (text: string) => (text.trim() === '' ? null : text.trim());

/** Says who a tenant is. Refused when somebody else changed it since it was read. */
export function ProfileDialog(props: {
  tenantId: string;
  profile: TenantProfileItem | undefined;
  onClose: () => void;
  onSaved: () => void;
}) {
  const { tenantId, profile } = props;
  const form = useForm({
    initial: {
      display_name: profile?.display_name ?? '',
      segment: profile?.segment ?? '',
      owner: profile?.owner ?? '',
      tags: profile?.tags.join('; ') ?? '',
    },
    send: (values) =>
      putProfile(tenantId, {
        display_name: orNull(values.display_name),
        segment: orNull(values.segment),
        owner: orNull(values.owner),
        tags: values.tags.split(';').flatMap((tag) => orNull(tag) ?? []),
        expected_revision: profile?.revision ?? 0,
      }),
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={`Who ${tenantId} is`}
      testId="profile-form"
      submitLabel="Save"
      onCancel={props.onClose}
    >
      <TextField label="Name" field={form.field('display_name')} maxLength={200} />
      <TextField label="Segment" hint="Such as enterprise or education" field={form.field('segment')} maxLength={64} />
      <TextField label="Owner" hint="Who looks after this customer" field={form.field('owner')} maxLength={128} />
      <TextField label="Tags" hint="Between semicolons" field={form.field('tags')} />
    </FormDialog>
  );
}
