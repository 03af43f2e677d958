import type { CreatedKey, KeyItem, KeyRotation } from '../../../src/api/keys-contract.ts';
import { send } from './api-client.ts';
import { FormDialog, SelectField } from './form.tsx';
import { AskButton } from './form-ask.tsx';
import { usePreferences } from './preferences.ts';
import { timeText } from './time-format.ts';
import { useForm } from './use-form.ts';

/** How long the old secret goes on working, in seconds. */
const GRACES: readonly (readonly [string, string])[] = [
  ['3600', 'For an hour'],
  ['86400', 'For a day'],
  ['604800', 'For a week'],
  ['2592000', 'For 30 days'],
  ['0', 'Not at all: it has leaked'],
];
const USUAL_GRACE = '86400';

const urlOf = (id: string, part: string) => `/v1/keys/${encodeURIComponent(id)}/${part}`;

/** Asks how long the old secret should work, and hands on the new one, which is shown this once. */
export function RotationDialog(props: { item: KeyItem; onClose: () => void; onRotated: (key: CreatedKey) => void }) {
  const { item } = props;
  const form = useForm({
    initial: { grace: item.previous_expires_at === null ? USUAL_GRACE : '0' },
    send: ({ grace }) => {
      const rotation: KeyRotation = { grace_seconds: Number(grace) };
      return send<CreatedKey>('POST', urlOf(item.id, 'rotate'), rotation);
    },
    onSent: props.onRotated,
  });
  return (
    <FormDialog
      form={form}
      title={`A new secret for ${item.name}`}
      submitLabel="Make it"
      danger={form.values.grace === '0'}
      testId="rotate-dialog"
      onCancel={props.onClose}
    >
      <p>The key stays what it is, with another secret. Give that to whatever uses the key while the old one works.</p>
      <SelectField field={form.field('grace')} label="The old secret works on" options={GRACES} />
    </FormDialog>
  );
}

/** What stands under the state of a key that has two secrets; nothing for others. */
export function PreviousSecret(props: { item: KeyItem; mayEnd: boolean; onEnded: () => void }) {
  const { item } = props;
  const { zone } = usePreferences();
  const { previous_expires_at: end, previous_last_used_at: used } = item;
  if (end === null) return null;
  const time = (text: string) => timeText(zone).dateMinute(Date.parse(text));
  const use = used === null ? 'It was not used since the rotation.' : `It was last used ${time(used)}.`;
  return (
    <div class="small muted" data-testid="previous-secret">
      Old secret until {time(end)}, {used === null ? 'not used since' : `last used ${time(used)}`}{' '}
      {props.mayEnd && (
        <AskButton
          label="End it now"
          about={item.name}
          title={`End the old secret of ${item.name}?`}
          action="End it"
          danger
          class="button small quiet"
          onConfirm={() => send('DELETE', urlOf(item.id, 'previous'))}
          onDone={props.onEnded}
        >
          <p>What still sends with it is refused within seconds. {use} The new secret is not touched.</p>
        </AskButton>
      )}
    </div>
  );
}
