/** Every shortcut of the pages: what the keyboard does and what the list of shortcuts says come from here. */
export type Command = 'palette' | 'search' | 'help' | 'nav' | 'copy-link';

export interface Shortcut {
  /** Absent: the page's own parts answer to it; it stands here so that the list is whole. */
  readonly command?: Command;
  /** As `KeyboardEvent.key` has them; `mod` is Ctrl, or Command on a Mac. More than one: pressed after each other. */
  readonly keys: readonly string[];
  readonly about: string;
  readonly group: 'Everywhere' | 'In tables';
}

export const SHORTCUTS: readonly Shortcut[] = [
  { command: 'palette', keys: ['mod+k'], about: 'Find a page, a tenant or an action', group: 'Everywhere' },
  { command: 'search', keys: ['/'], about: 'Search in this page', group: 'Everywhere' },
  { command: 'nav', keys: ['['], about: 'Fold or unfold the navigation', group: 'Everywhere' },
  { command: 'copy-link', keys: ['g', 'y'], about: 'Copy a link to what is shown', group: 'Everywhere' },
  { command: 'help', keys: ['?'], about: 'This list', group: 'Everywhere' },
  { keys: ['ArrowUp', 'ArrowDown'], about: 'Row by row', group: 'In tables' },
  { keys: ['Home', 'End'], about: 'First and last row', group: 'In tables' },
  { keys: ['Enter'], about: 'Open the row', group: 'In tables' },
];

export interface KeyPress {
  readonly key: string;
  readonly mod: boolean;
  readonly alt: boolean;
  /** Somebody types into a field, or a dialog is open: single letters are theirs. */
  readonly typing: boolean;
  readonly now: number;
}

/** What has been pressed of a sequence, and when. */
export interface Waiting {
  readonly keys: readonly string[];
  readonly since: number;
}

export const NOTHING_WAITING: Waiting = { keys: [], since: 0 };
/** Longer pauses are two thoughts, not one shortcut. */
const SEQUENCE_MS = 1_500;

export interface KeyAnswer {
  readonly command?: Command;
  /** The path to go to. */
  readonly goTo?: string;
  readonly waiting: Waiting;
}

/** A page that `g` and a letter lead to. */
export interface GoKey {
  readonly letter: string;
  readonly path: string;
  readonly label: string;
}

/** What a key press means after `waiting`. Nothing, while somebody types, but for the combinations with Ctrl. */
export function answerKey(press: KeyPress, waiting: Waiting, goKeys: readonly GoKey[]): KeyAnswer {
  const none: KeyAnswer = { waiting: NOTHING_WAITING };
  if (press.alt || (press.typing && !press.mod)) return none;
  const key = press.mod ? `mod+${press.key.toLowerCase()}` : press.key;
  const before = press.now - waiting.since <= SEQUENCE_MS ? waiting.keys : [];
  const pressed = press.mod ? [key] : [...before, key];
  const found = SHORTCUTS.find(({ command, keys }) => command !== undefined && sameKeys(keys, pressed));
  if (found?.command !== undefined) return { ...none, command: found.command };
  const page = goKeys.find(({ letter }) => sameKeys(['g', letter], pressed));
  if (page !== undefined) return { ...none, goTo: page.path };
  if (sameKeys(pressed, ['g'])) return { waiting: { keys: pressed, since: press.now } };
  // A wrong second key may be the first of another shortcut.
  return before.length > 0 ? answerKey(press, NOTHING_WAITING, goKeys) : none;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}

const KEY_NAMES: Readonly<Record<string, string>> = { ArrowUp: '↑', ArrowDown: '↓' };

/** A key as its cap says it. */
export function keyName(key: string, isMac: boolean): string {
  if (key.startsWith('mod+')) return `${isMac ? '⌘' : 'Ctrl '}${key.slice(4).toUpperCase()}`;
  return KEY_NAMES[key] ?? key;
}
