import { describe, expect, it } from 'vitest';
import { answerKey, type KeyPress, keyName, NOTHING_WAITING, SHORTCUTS } from '../../dashboards/src/shell/shortcuts.ts';

const goKeys = [
  { letter: 't', path: '/', label: 'Tenants' },
  { letter: 'c', path: '/costs', label: 'Cost' },
];

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  mod: false,
  alt: false,
  typing: false,
  now: 0,
  ...more,
});

/** Presses one after the other; the answer to the last. */
function answerTo(...presses: KeyPress[]) {
  let waiting = NOTHING_WAITING;
  let answer: ReturnType<typeof answerKey> = { waiting };
  for (const each of presses) {
    answer = answerKey(each, waiting, goKeys);
    waiting = answer.waiting;
  }
  return answer;
}

describe('shortcuts', () => {
  it('all do what the table says', () => {
    for (const { command, keys } of SHORTCUTS) {
      if (command === undefined) continue;
      const presses = keys.map((key) => (key.startsWith('mod+') ? press(key.slice(4), { mod: true }) : press(key)));
      expect(answerTo(...presses).command).toBe(command);
    }
  });

  it('are each there once', () => {
    const combinations = [...SHORTCUTS.map(({ keys }) => keys.join(' ')), ...goKeys.map(({ letter }) => `g ${letter}`)];
    expect(new Set(combinations).size).toBe(combinations.length);
  });

  it('lead to a page by g and its letter', () => {
    expect(answerTo(press('g'), press('c')).goTo).toBe('/costs');
    expect(answerTo(press('c')).goTo).toBeUndefined();
  });

  it('forget the g after a pause', () => {
    expect(answerTo(press('g'), press('c', { now: 1_501 })).goTo).toBeUndefined();
    expect(answerTo(press('g'), press('c', { now: 1_500 })).goTo).toBe('/costs');
  });

  it('take a key that does not fit for the first of another shortcut', () => {
    expect(answerTo(press('g'), press('/')).command).toBe('search');
    expect(answerTo(press('g'), press('g'), press('t')).goTo).toBe('/');
  });

  it('leave the letters to whoever types, and Alt to the browser', () => {
    expect(answerTo(press('?', { typing: true })).command).toBeUndefined();
    expect(answerTo(press('g', { typing: true }), press('c', { typing: true })).goTo).toBeUndefined();
    expect(answerTo(press('K', { mod: true, typing: true })).command).toBe('palette');
    expect(answerTo(press('/', { alt: true })).command).toBeUndefined();
  });

  it('are written as the caps of the keyboard say it', () => {
    expect([keyName('mod+k', false), keyName('mod+k', true), keyName('ArrowUp', false), keyName('?', false)]).toEqual([
      'Ctrl K',
      '⌘K',
      '↑',
      '?',
    ]);
  });
});
