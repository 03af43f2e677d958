import { useEffect, useRef } from 'preact/hooks';
import { answerKey, type Command, type GoKey, NOTHING_WAITING } from './shortcuts.ts';

export const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

function isTyping(event: KeyboardEvent): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  return event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]') !== null;
}

/** Listens for the shortcuts of the whole page. */
export function useShortcuts(
  goKeys: readonly GoKey[],
  onCommand: (command: Command) => void,
  onGo: (path: string) => void,
) {
  const latest = useRef({ goKeys, onCommand, onGo });
  latest.current = { goKeys, onCommand, onGo };
  useEffect(() => {
    let waiting = NOTHING_WAITING;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || ['Shift', 'Control', 'Meta', 'Alt'].includes(event.key))
        return;
      const press = {
        key: event.key,
        mod: event.ctrlKey || event.metaKey,
        alt: event.altKey,
        typing: isTyping(event),
        now: Date.now(),
      };
      const answer = answerKey(press, waiting, latest.current.goKeys);
      waiting = answer.waiting;
      if (answer.command === undefined && answer.goTo === undefined) return;
      event.preventDefault();
      if (answer.command !== undefined) latest.current.onCommand(answer.command);
      if (answer.goTo !== undefined) latest.current.onGo(answer.goTo);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
