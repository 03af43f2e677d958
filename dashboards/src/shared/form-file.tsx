import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { formatBytes } from './format.ts';

/** Takes one file, dropped or chosen. */
export function FileField(props: {
  label: string;
  hint: ComponentChildren;
  /** Name endings and types that the browser's dialog shows first. */
  accept: string;
  file: File | undefined;
  disabled?: boolean;
  onFile: (file: File) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const id = useId();
  const take = (files: FileList | null | undefined) => {
    const file = files?.[0];
    if (file !== undefined && props.disabled !== true) props.onFile(file);
  };
  return (
    // The label of the button below is the keyboard's way; dropping is for the mouse alone.
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop files on has no role of its own
    <div
      class={`drop${over ? ' over' : ''}`}
      data-testid="file-drop"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <p class="drop-name">
        {props.file === undefined ? props.label : `${props.file.name}, ${formatBytes(props.file.size)}`}
      </p>
      <input
        ref={input}
        id={id}
        class="visually-hidden"
        type="file"
        accept={props.accept}
        disabled={props.disabled}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          take(event.currentTarget.files);
          // The same file, mended, can be chosen again.
          event.currentTarget.value = '';
        }}
      />
      <label class="button small" for={id}>
        {props.file === undefined ? 'Choose a file' : 'Choose another file'}
      </label>
      <p class="muted small" id={`${id}-hint`}>
        {props.hint}
      </p>
    </div>
  );
}
