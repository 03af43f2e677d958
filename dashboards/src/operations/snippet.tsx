import { CopyButton } from './copy-button.tsx';
import '../styles/setup.css';

/** Text to be copied, with where it belongs. */
export function Snippet({ name, text, testId }: { name: string; text: string; testId?: string }) {
  return (
    <div class="snippet" data-testid={testId}>
      <div class="snippet-head">
        <span class="muted">{name}</span>
        <CopyButton text={text} />
      </div>
      {/* Long lines scroll: the keyboard must reach them. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls needs focus */}
      <pre tabIndex={0}>{text}</pre>
    </div>
  );
}
