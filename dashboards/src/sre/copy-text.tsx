import { useState } from 'preact/hooks';

/** An id that can be taken along: shown whole or cut, copied whole. */
export function CopyText(props: { text: string; label: string; shown?: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text);
      setState('copied');
    } catch {
      // Browsers give no clipboard to pages without TLS; the text can still be selected.
      setState('failed');
    }
    setTimeout(() => setState('idle'), 2_000);
  };
  return (
    <span class="copy-text">
      <code>{props.shown ?? props.text}</code>
      <button type="button" class="button quiet small" aria-label={`Copy ${props.label}`} onClick={() => void copy()}>
        {state === 'idle' ? 'Copy' : state === 'copied' ? 'Copied' : 'Select it by hand'}
      </button>
    </span>
  );
}
