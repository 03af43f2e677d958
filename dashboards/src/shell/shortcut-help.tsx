import { Dialog } from '../shared/form.tsx';
import { type GoKey, keyName, SHORTCUTS } from './shortcuts.ts';
import { IS_MAC } from './use-shortcuts.ts';

const GROUPS = ['Everywhere', 'In tables'] as const;

function Line(props: { keys: readonly string[]; about: string }) {
  return (
    <div class="shortcut">
      <dt>
        {props.keys.map((key) => (
          <kbd key={key} class="key">
            {keyName(key, IS_MAC)}
          </kbd>
        ))}
      </dt>
      <dd>{props.about}</dd>
    </div>
  );
}

export function ShortcutHelp(props: { goKeys: readonly GoKey[]; onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" testId="shortcuts" wide onClose={props.onClose}>
      <div class="shortcuts">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {SHORTCUTS.filter((shortcut) => shortcut.group === group).map(({ keys, about }) => (
                <Line key={about} keys={keys} about={about} />
              ))}
            </dl>
          </section>
        ))}
        {props.goKeys.length > 0 && (
          <section>
            <h3>Go to</h3>
            <dl>
              {props.goKeys.map(({ letter, label }) => (
                <Line key={letter} keys={['g', letter]} about={label} />
              ))}
            </dl>
          </section>
        )}
      </div>
      <form method="dialog">
        <p class="dialog-actions">
          <button type="submit" class="button">
            Close
          </button>
        </p>
      </form>
    </Dialog>
  );
}
