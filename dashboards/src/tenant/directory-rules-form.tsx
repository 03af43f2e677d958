import { useState } from 'preact/hooks';
import type { DirectoryItem } from '../../../src/api/scim-contract.ts';
import { TENANT_ROLES } from '../../../src/domain/roles.ts';
import { CheckField, FormDialog } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { isMemberRole, ROLE_NAMES } from './account-text.ts';
import { setRoleRules } from './directory-api.ts';
import { doubles, NEW_ROW, type RuleRow, rowsOf, rulesOf, sizeText } from './directory-rules.ts';

/** Which group stands for which role, for the groups that there are and for such as will come. */
export function DirectoryRules(props: {
  tenantId: string;
  directory: DirectoryItem;
  onClose: () => void;
  onSaved: () => void;
}) {
  const { tenantId, directory } = props;
  const [rows, setRows] = useState(() => rowsOf(directory));
  const twice = doubles(rows);
  const form = useForm({
    initial: { authoritative: directory.authoritative },
    send: ({ authoritative }) =>
      setRoleRules(tenantId, { rules: rulesOf(rows), authoritative, revision: directory.revision }),
    onSent: props.onSaved,
  });
  const change = (index: number, part: Partial<RuleRow>) =>
    setRows((before) => before.map((row, at) => (at === index ? { ...row, ...part } : row)));
  return (
    <FormDialog form={form} title="Groups and roles" submitLabel="Save" onCancel={props.onClose} testId="rules-dialog">
      <p class="muted full">
        The highest role of somebody's groups counts. Saving gives everybody the role that follows, at once.
      </p>
      <ul class="rule-rows full">
        {rows.map((row, index) => (
          <li key={index} class="rule-row">
            <RowFields row={row} isTwice={twice.includes(index)} onChange={(part) => change(index, part)} />
          </li>
        ))}
      </ul>
      <button type="button" class="button small" data-testid="add-rule" onClick={() => setRows([...rows, NEW_ROW])}>
        Add a group
      </button>
      <CheckField
        field={form.field('authoritative')}
        label="The directory alone gives roles: who has none by these groups, or is not in it, has no access, and even the last admin may go"
      />
    </FormDialog>
  );
}

function RowFields(props: { row: RuleRow; isTwice: boolean; onChange: (part: Partial<RuleRow>) => void }) {
  const { row, isTwice, onChange } = props;
  return (
    <>
      <input
        class="select"
        type="text"
        aria-label="Group"
        placeholder="Name of a group"
        maxLength={255}
        spellcheck={false}
        value={row.value}
        aria-invalid={isTwice}
        title={isTwice ? 'This group is named twice' : undefined}
        onInput={(event) => onChange({ value: event.currentTarget.value })}
      />
      <select
        class="select"
        aria-label={`Named by, for ${row.value}`}
        value={row.match}
        onChange={(event) =>
          onChange({ match: event.currentTarget.value === 'external_id' ? 'external_id' : 'display_name' })
        }
      >
        <option value="display_name">name</option>
        <option value="external_id">directory's id</option>
      </select>
      <select
        class="select"
        aria-label={`Role of ${row.value}`}
        value={row.role}
        onChange={(event) => {
          const role = event.currentTarget.value;
          onChange({ role: isMemberRole(role) ? role : '' });
        }}
      >
        <option value="">no role</option>
        {TENANT_ROLES.map((role) => (
          <option key={role} value={role}>
            {ROLE_NAMES[role]}
          </option>
        ))}
      </select>
      <span class="muted small">{sizeText(row)}</span>
    </>
  );
}
