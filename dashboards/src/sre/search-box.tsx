import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const TYPING_PAUSE_MS = 200;

/** Searches by part of the id; waits for a pause in typing. Escape empties it, arrow down goes to the rows. */
export function SearchBox(props: {
  inputRef: RefObject<HTMLInputElement | null>;
  value: string;
  onSearch: (text: string) => void;
  onDown: () => void;
}) {
  const [text, setText] = useState(props.value);
  const sent = useRef(props.value);
  // The URL leads when it changes by other means than typing here: back, forward, "clear the search".
  useEffect(() => {
    if (props.value !== sent.current) setText(props.value);
    sent.current = props.value;
  }, [props.value]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text;
      props.onSearch(text);
    }, TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      props.onDown();
    } else if (event.key === 'Escape') {
      if (text === '') props.inputRef.current?.blur();
      else setText('');
    }
  };
  return (
    <label class="search">
      <span class="visually-hidden">Search tenants by id</span>
      <input
        ref={props.inputRef}
        type="search"
        placeholder="Search tenants"
        value={text}
        spellcheck={false}
        autocomplete="off"
        maxLength={128}
        data-testid="search"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <kbd title="Press / to search">/</kbd>
    </label>
  );
}
