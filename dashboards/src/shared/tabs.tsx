import { Link } from './navigation.tsx';
import { pageHref } from './router.ts';

/** The ways between pages that belong together. */
export function Tabs(props: {
  label: string;
  pages: readonly (readonly [path: string, label: string])[];
  current: string;
  query: URLSearchParams;
}) {
  return (
    <nav class="tabs" aria-label={props.label}>
      {props.pages.map(([path, label]) => (
        <Link key={path} class="tab" href={pageHref(path, props.query)} current={path === props.current}>
          {label}
        </Link>
      ))}
    </nav>
  );
}
