import { useRef } from 'preact/hooks';
import { formatCount } from '../shared/format.ts';
import { navigate } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import { SearchBox } from '../sre/search-box.tsx';
import { type CostFilter, type CostRow, choicesOf, FILTER_NAMES, filterOf, isFiltered } from './cost-rows.ts';

const LABELS = { plan: 'Plan', segment: 'Segment', owner: 'Owner' } as const;
const NONE_LABELS = { plan: 'On no plan', segment: 'No segment', owner: 'No owner' } as const;
/** No name of a plan, segment or owner can be mistaken for it: values of options carry a letter in front. */
const ANY = 'any';

/** Who is shown: all of it in the URL. */
export function CostFilters(props: { query: URLSearchParams; rows: readonly CostRow[]; shown: number }) {
  const { query, rows } = props;
  const search = useRef<HTMLInputElement>(null);
  const filter = filterOf(query);
  const set = (name: string, value: string | null) => {
    const next = new URLSearchParams(query);
    if (value === null) next.delete(name);
    else next.set(name, value);
    navigate(withQuery(location.pathname, next), { replace: true });
  };
  const clear = () => {
    const next = new URLSearchParams(query);
    for (const name of [...FILTER_NAMES, 'q']) next.delete(name);
    navigate(withQuery(location.pathname, next), { replace: true });
  };
  return (
    <div class="cost-filters" data-testid="cost-filters">
      <SearchBox
        inputRef={search}
        value={filter.search}
        onSearch={(text) => set('q', text === '' ? null : text)}
        onDown={() => document.querySelector<HTMLAnchorElement>('[data-testid="table-costs"] tbody a')?.focus()}
      />
      {FILTER_NAMES.map((name) => (
        <Choice key={name} name={name} rows={rows} filter={filter} onChoose={(value) => set(name, value)} />
      ))}
      <span class="muted small" data-testid="match-count">
        {formatCount(props.shown)} {props.shown === 1 ? 'tenant' : 'tenants'}
        {props.shown === rows.length ? '' : ` of ${formatCount(rows.length)}`}
      </span>
      {isFiltered(filter) && (
        <button type="button" class="button quiet small" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

function Choice(props: {
  name: (typeof FILTER_NAMES)[number];
  rows: readonly CostRow[];
  filter: CostFilter;
  onChoose: (value: string | null) => void;
}) {
  const { name, rows } = props;
  const chosen = props.filter[name];
  const choices = choicesOf(rows, name);
  // A link may name a choice that nobody has by now: it stays to be seen and taken back.
  const all = chosen === null || choices.includes(chosen) ? choices : [chosen, ...choices];
  if (chosen === null && choices.every((choice) => choice === '')) return null;
  return (
    <select
      aria-label={LABELS[name]}
      data-testid={`filter-${name}`}
      value={chosen === null ? ANY : `=${chosen}`}
      onChange={(event) => {
        const { value } = event.currentTarget;
        props.onChoose(value === ANY ? null : value.slice(1));
      }}
    >
      <option value={ANY}>{LABELS[name]}: any</option>
      {all.map((choice) => (
        <option key={choice} value={`=${choice}`}>
          {choice === '' ? NONE_LABELS[name] : choice}
        </option>
      ))}
    </select>
  );
}
