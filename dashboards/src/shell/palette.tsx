import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { navigate } from '../shared/navigation.tsx';
import { SearchIcon } from './icons.tsx';
import {
  type ActionId,
  optionAfter,
  type PaletteGroup,
  type PaletteItem,
  paletteGroups,
  silentTenantItems,
  tenantItems,
} from './palette-items.ts';
import { useTenantSearch } from './use-tenant-search.ts';

export interface PaletteProps {
  readonly recent: readonly PaletteItem[];
  readonly pages: readonly PaletteItem[];
  readonly actions: readonly PaletteItem[];
  /** Staff search all tenants; people of a tenant have one and are not asked. */
  readonly searchesTenants: boolean;
  readonly tenantHref: (tenantId: string) => string;
  readonly onAction: (action: ActionId) => void;
  readonly onClose: () => void;
}

const LIST_ID = 'palette-list';
const optionId = (index: number) => `palette-option-${index}`;

function useGroups(props: PaletteProps, text: string) {
  const search = useTenantSearch(text, props.searchesTenants);
  const { recent, pages, actions } = props;
  const groups = useMemo(() => {
    const found = tenantItems(search.ids, props.tenantHref);
    const isSilent = search.state === 'done' && found.length === 0;
    const tenants = isSilent ? silentTenantItems(text, props.tenantHref) : found;
    return paletteGroups({ recent, pages, tenants, actions }, text);
  }, [recent, pages, actions, search, text]);
  return { groups, state: search.state };
}

/** Finds pages, tenants and actions by a few letters. A combobox with a list box, as ARIA describes the pair. */
export function Palette(props: PaletteProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const { groups, state } = useGroups(props, text);
  const options = groups.flatMap(({ items }) => items);
  const chosen = Math.min(at, Math.max(0, options.length - 1));
  // Before the next key press: what is typed right after the shortcut belongs into the field.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, text]);

  const take = (item: PaletteItem | undefined, inNewTab: boolean) => {
    if (item === undefined) return;
    if ('href' in item.to && inNewTab) {
      window.open(item.to.href, '_blank', 'noopener');
      return;
    }
    dialog.current?.close();
    if ('action' in item.to) return props.onAction(item.to.action);
    navigate(item.to.href);
    window.scrollTo(0, 0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const next = optionAfter(event.key, chosen, options.length);
    if (next !== undefined) setAt(next);
    else if (event.key === 'Enter') take(options[chosen], event.ctrlKey || event.metaKey);
    else if (event.key === 'k' && (event.ctrlKey || event.metaKey)) dialog.current?.close();
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Find a page, a tenant or an action"
      data-testid="palette"
      onClose={props.onClose}
    >
      <div class="palette-field">
        <SearchIcon />
        <input
          type="text"
          role="combobox"
          aria-label="Find a page, a tenant or an action"
          aria-expanded={options.length > 0}
          aria-controls={LIST_ID}
          aria-autocomplete="list"
          aria-activedescendant={options.length > 0 ? optionId(chosen) : undefined}
          placeholder={props.searchesTenants ? 'Find a page, a tenant or an action' : 'Find a page or an action'}
          autocomplete="off"
          spellcheck={false}
          maxLength={128}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
        <button type="button" class="button quiet small" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
      <div ref={list} class="palette-list" role="listbox" id={LIST_ID} aria-label="What was found">
        <Groups groups={groups} chosen={chosen} onTake={take} onPoint={setAt} />
      </div>
      <p class="palette-foot muted small" role="status">
        {statusText(state, options.length)}
      </p>
    </dialog>
  );
}

function statusText(state: 'idle' | 'searching' | 'done' | 'failed', count: number): string {
  if (state === 'searching') return 'Searching tenants …';
  if (state === 'failed') return 'Tenants could not be searched right now.';
  return count === 0 ? 'Nothing has these words.' : 'Enter opens, Ctrl and Enter in a new tab.';
}

function Groups(props: {
  groups: readonly PaletteGroup[];
  chosen: number;
  onTake: (item: PaletteItem, inNewTab: boolean) => void;
  onPoint: (index: number) => void;
}) {
  let index = -1;
  return (
    <>
      {props.groups.map(({ label, items }) => (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset may not stand in a list box
        <div key={label} role="group" aria-label={label}>
          <p class="palette-group" aria-hidden="true">
            {label}
          </p>
          {items.map((item) => {
            index += 1;
            const place = index;
            return (
              // The keyboard is handled at the field, which keeps the focus: options of a list box are not focused.
              // biome-ignore lint/a11y/useKeyWithClickEvents: see above
              <div
                key={item.id}
                id={optionId(place)}
                class="palette-option"
                role="option"
                tabIndex={-1}
                aria-selected={place === props.chosen}
                onClick={(event) => props.onTake(item, event.ctrlKey || event.metaKey)}
                onMouseMove={() => props.onPoint(place)}
              >
                <span class="palette-label">{item.label}</span>
                <span class="palette-detail">{item.detail}</span>
              </div>
            );
          })}
        </div>
      ))}
    </>
  );
}
