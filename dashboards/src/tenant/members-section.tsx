import { useState } from 'preact/hooks';
import type { MemberItem, MemberList } from '../../../src/api/members-contract.ts';
import { TENANT_ROLES } from '../../../src/domain/roles.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Dialog, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { addMember, changeMember, listMembers, memberSignInLink, removeMember } from './account-api.ts';
import { isMemberRole, ROLE_NAMES, ROLE_WORDS, STATE_WORDS } from './account-text.ts';
import { DirectorySection } from './directory-section.tsx';
import { SectionTitle } from './section-title.tsx';
import '../styles/account.css';

const ROLE_OPTIONS = TENANT_ROLES.map((role) => [role, ROLE_WORDS[role]] as const);
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** Who should have access: add, change role, remove; and the directory that may do the same. */
export function MembersSection({ tenantId, ofPage }: { tenantId: string; ofPage?: true }) {
  const live = useLive(`members ${tenantId}`, (signal) => listMembers(tenantId, signal), 30_000);
  const [open, setOpen] = useState(false);
  return (
    <>
      <section class="usage-section" aria-labelledby="members-title" data-testid="members">
        <header class="section-head">
          <SectionTitle id="members-title" text="Members" ofPage={ofPage === true} />
          <button type="button" class="button primary small" data-testid="add-member" onClick={() => setOpen(true)}>
            Add a member
          </button>
        </header>
        <p class="muted section-about">
          Who should have access. People sign in at your identity provider, which decides who gets in and with which
          role; this list does not let anybody in by itself.
        </p>
        <Loaded live={live}>{(list) => <MemberTable tenantId={tenantId} list={list} onChange={live.refresh} />}</Loaded>
        {open && (
          <AddMember
            tenantId={tenantId}
            onClose={() => setOpen(false)}
            onAdded={() => {
              setOpen(false);
              live.refresh();
            }}
          />
        )}
      </section>
      <DirectorySection tenantId={tenantId} onChange={live.refresh} />
    </>
  );
}

function MemberTable(props: { tenantId: string; list: MemberList; onChange: () => void }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const { tenantId, list, onChange } = props;
  const columns: readonly TableColumn<MemberItem>[] = [
    { id: 'email', label: 'Address', align: 'left', value: ({ email }) => email },
    { id: 'role', label: 'Role', align: 'left', value: ({ role }) => ROLE_NAMES[role] },
    {
      id: 'state',
      label: 'State',
      align: 'left',
      wide: true,
      value: ({ state }) => STATE_WORDS[state],
      cell: ({ state }) => <span class={`badge state-${state}`}>{STATE_WORDS[state]}</span>,
    },
    {
      id: 'kept_by',
      label: 'Kept by',
      align: 'left',
      wide: true,
      value: ({ kept_by_directory: isKept }) => (isKept ? 'Directory' : 'People'),
    },
    { id: 'added_by', label: 'Added by', align: 'left', wide: true, value: (member) => member.added_by },
    {
      id: 'added_at',
      label: 'Added',
      wide: true,
      value: (member) => member.added_at,
      cell: (member) => clock.dateMinute(Date.parse(member.added_at)),
    },
    {
      id: 'actions',
      label: '',
      sortable: false,
      value: () => '',
      cell: (member) =>
        member.state !== 'removed' && (
          <span class="row-actions">
            {list.sign_in_links && <SignInLinkButton tenantId={tenantId} member={member} />}
            {!member.kept_by_directory && (
              <>
                <EditMember tenantId={tenantId} member={member} onChange={onChange} />
                <AskButton
                  label="Remove"
                  about={member.email}
                  title={`Remove ${member.email}`}
                  action="Remove"
                  danger
                  onConfirm={() => removeMember(tenantId, member.id)}
                  onDone={onChange}
                >
                  <p>
                    {member.email} is noted as somebody who should have access no more. Take them out at your identity
                    provider as well: that is what ends their access.
                  </p>
                </AskButton>
              </>
            )}
          </span>
        ),
    },
  ];
  return (
    <DataTable
      id="members"
      caption="Members"
      columns={columns}
      rows={list.items}
      rowKey={({ id }) => id}
      empty="Nobody is listed yet. Add those who should have access."
    />
  );
}

function AddMember(props: { tenantId: string; onClose: () => void; onAdded: () => void }) {
  const form = useForm({
    initial: { email: '', role: 'member' },
    check: ({ email }) => (EMAIL.test(email.trim()) ? {} : { email: 'An e-mail address, such as ada@example.com.' }),
    send: ({ email, role }) =>
      addMember({ email: email.trim(), role: isMemberRole(role) ? role : 'viewer', tenant_id: props.tenantId }),
    onSent: props.onAdded,
  });
  return (
    <FormDialog form={form} title="Add a member" submitLabel="Add" onCancel={props.onClose} testId="member-dialog">
      <TextField field={form.field('email')} label="E-mail address" kind="email" maxLength={254} />
      <SelectField field={form.field('role')} label="Role" options={ROLE_OPTIONS} />
    </FormDialog>
  );
}

function EditMember(props: { tenantId: string; member: MemberItem; onChange: () => void }) {
  const [open, setOpen] = useState(false);
  const { member } = props;
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-label={`Change ${member.email}`}
        data-testid="change-member"
        onClick={() => setOpen(true)}
      >
        Change
      </button>
      {open && <EditForm {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function EditForm(props: { tenantId: string; member: MemberItem; onChange: () => void; onClose: () => void }) {
  const { tenantId, member } = props;
  const form = useForm({
    initial: { role: member.role as string, state: member.state as string },
    send: ({ role, state }) =>
      changeMember(tenantId, member.id, {
        role: isMemberRole(role) ? role : member.role,
        state: state === 'active' ? 'active' : 'invited',
      }),
    onSent: () => {
      props.onClose();
      props.onChange();
    },
  });
  return (
    <FormDialog
      form={form}
      title={`Change ${member.email}`}
      submitLabel="Save"
      onCancel={props.onClose}
      testId="member-dialog"
    >
      <SelectField field={form.field('role')} label="Role" options={ROLE_OPTIONS} />
      <SelectField
        field={form.field('state')}
        label="State"
        hint="Active: they have access at your identity provider by now."
        options={[
          ['invited', STATE_WORDS.invited],
          ['active', STATE_WORDS.active],
        ]}
      />
    </FormDialog>
  );
}

/** Only where the server makes such links, which it does in development. */
function SignInLinkButton({ tenantId, member }: { tenantId: string; member: MemberItem }) {
  const [said, setSaid] = useState<{ link?: string; problem?: string } | undefined>();
  const make = () => {
    memberSignInLink(tenantId, member.id).then(
      ({ link }) => setSaid({ link }),
      (error: unknown) => setSaid({ problem: error instanceof Error ? error.message : 'It could not be made' }),
    );
  };
  return (
    <>
      <button type="button" class="button small quiet" aria-label={`Sign-in link for ${member.email}`} onClick={make}>
        Sign-in link
      </button>
      {said && (
        <Dialog title={`Sign-in link for ${member.email}`} testId="link-dialog" onClose={() => setSaid(undefined)}>
          {said.link === undefined ? (
            <p class="bad-text">{said.problem}</p>
          ) : (
            <>
              <p class="muted">Signs one browser in, once, within 15 minutes. For development only.</p>
              <p class="secret" data-testid="sign-in-link">
                {said.link}
              </p>
            </>
          )}
        </Dialog>
      )}
    </>
  );
}
