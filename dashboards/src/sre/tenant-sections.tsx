import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Live } from '../shared/use-live.ts';

export interface SectionEntry {
  readonly id: string;
  readonly label: string;
  readonly content: () => ComponentChildren;
}

/** Sections that are so far from the view ask for nothing: a page of thirty questions at once helps nobody. */
const NEAR = '300px';

/** Whether the element is, or has ever been, near the view. */
function useNear(): [(element: HTMLElement | null) => void, boolean] {
  const [isNear, setNear] = useState(false);
  const observer = useRef<IntersectionObserver | null>(null);
  const watch = (element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (element === null || isNear) return;
    observer.current = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setNear(true);
      },
      { rootMargin: NEAR },
    );
    observer.current.observe(element);
  };
  return [watch, isNear];
}

function Section({ entry }: { entry: SectionEntry }) {
  const [watch, isNear] = useNear();
  return (
    <div id={entry.id} class="tenant-section" ref={watch} data-loaded={isNear} tabIndex={-1}>
      {isNear ? entry.content() : <h2>{entry.label}</h2>}
    </div>
  );
}

/** All sections of the page, each loaded when it comes near. A link to one of them leads there. */
export function Sections({ entries }: { entries: readonly SectionEntry[] }) {
  useEffect(() => {
    const id = location.hash.slice(1);
    if (id !== '') document.getElementById(id)?.scrollIntoView();
  }, []);
  return (
    <>
      {entries.map((entry) => (
        <Section key={entry.id} entry={entry} />
      ))}
    </>
  );
}

/** Which section is at the top of the view. */
function useCurrent(entries: readonly SectionEntry[]): string | undefined {
  const [current, setCurrent] = useState<string>();
  const ids = entries.map(({ id }) => id).join();
  useEffect(() => {
    const update = () => {
      // The last section is too short to ever reach the top.
      const isAtEnd = window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 2;
      const passed = ids.split(',').filter((id) => {
        const top = document.getElementById(id)?.getBoundingClientRect().top;
        return top !== undefined && (isAtEnd || top < window.innerHeight / 3);
      });
      setCurrent(passed.at(-1));
    };
    update();
    window.addEventListener('scroll', update, { passive: true });
    return () => window.removeEventListener('scroll', update);
  }, [ids]);
  return current;
}

/** Links to the sections; plain ones, so that they work by keyboard and can be passed on. */
export function SectionNav({ entries }: { entries: readonly SectionEntry[] }) {
  const current = useCurrent(entries);
  const list = useRef<HTMLElement>(null);
  useEffect(() => {
    const link = list.current?.querySelector<HTMLElement>('[aria-current]');
    const room = list.current?.clientWidth ?? 0;
    // Only the bar itself scrolls; scrollIntoView would move the page as well.
    list.current?.scrollTo({ left: link ? link.offsetLeft + (link.clientWidth - room) / 2 : 0 });
  }, [current]);
  return (
    <nav class="section-nav" aria-label="Sections of this page" ref={list}>
      {entries.map(({ id, label }) => (
        <a key={id} href={`#${id}`} aria-current={id === current ? 'true' : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}

/** A table or list inside a section: its name, what is wrong with it, and what it shows. */
export function Part<T>(props: {
  title: string;
  note?: ComponentChildren;
  live: Live<T>;
  children: (data: T) => ComponentChildren;
  testId?: string;
}) {
  const { data, error } = props.live;
  return (
    <section class="part" aria-label={props.title} data-testid={props.testId}>
      <header class="part-head">
        <h3>{props.title}</h3>
        {props.note !== undefined && <span class="muted small">{props.note}</span>}
        {error && (
          <span class="bad-text small" role="status">
            {data === undefined ? 'Not known' : 'Not updating'}: {error.message}
          </span>
        )}
      </header>
      {data === undefined ? !error && <div class="card part-loading">Loading …</div> : props.children(data)}
    </section>
  );
}

/** A section that is no charts: its heading and its parts. */
export function PartSection(props: { title: string; about?: string; children: ComponentChildren }) {
  return (
    <section class="chart-section" aria-label={props.title}>
      <header class="section-head">
        <h2>{props.title}</h2>
        {props.about !== undefined && <span class="muted small">{props.about}</span>}
      </header>
      {props.children}
    </section>
  );
}
