import { useState } from 'preact/hooks';
import { navigate } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import {
  type CostRange,
  fieldDays,
  monthName,
  neighbourMonth,
  recentMonths,
  withDays,
  withMonth,
} from './cost-range.ts';

const MONTHS = 13;
const OWN_DAYS = 'days';

/** A month, as finance thinks, or days of one's own; written into the URL. */
export function MonthPicker(props: { range: CostRange; query: URLSearchParams; now: number }) {
  const { range, query, now } = props;
  const [choosing, setChoosing] = useState(false);
  const go = (next: URLSearchParams) => navigate(withQuery(location.pathname, next));
  const months = recentMonths(now, MONTHS);
  const [present = range.month] = months;
  const own = range.kind === 'days' || choosing;
  const step = (by: 1 | -1) => go(withMonth(query, neighbourMonth(range.month, by), now));
  const isKnown = months.includes(range.month);
  return (
    <div class="month-picker" data-testid="month-picker">
      <button
        type="button"
        class="button"
        aria-label="Month before"
        onClick={() => {
          setChoosing(false);
          step(-1);
        }}
      >
        ‹
      </button>
      <select
        aria-label="Month (UTC)"
        data-testid="month"
        value={own ? OWN_DAYS : range.month}
        onChange={(event) => {
          const { value } = event.currentTarget;
          setChoosing(value === OWN_DAYS);
          if (value !== OWN_DAYS) go(withMonth(query, value, now));
        }}
      >
        {!isKnown && <option value={range.month}>{monthName(range.month)}</option>}
        {months.map((month) => (
          <option key={month} value={month}>
            {monthName(month)}
            {month === present ? ', to date' : ''}
          </option>
        ))}
        <option value={OWN_DAYS}>Days of your own …</option>
      </select>
      <button
        type="button"
        class="button"
        aria-label="Month after"
        disabled={range.month >= present}
        onClick={() => {
          setChoosing(false);
          step(1);
        }}
      >
        ›
      </button>
      {own && (
        <DayFields key={JSON.stringify(range.window)} range={range} onDays={(a, b) => go(withDays(query, a, b))} />
      )}
    </div>
  );
}

function DayFields(props: { range: CostRange; onDays: (first: string, last: string) => void }) {
  const [days, setDays] = useState(fieldDays(props.range));
  const isWrong = days.first === '' || days.last === '' || days.first > days.last;
  return (
    <form
      class="day-fields"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isWrong) props.onDays(days.first, days.last);
      }}
    >
      <input
        type="date"
        aria-label="First day (UTC)"
        value={days.first}
        onInput={(event) => setDays({ ...days, first: event.currentTarget.value })}
      />
      <span class="muted">to</span>
      <input
        type="date"
        aria-label="Last day (UTC)"
        value={days.last}
        onInput={(event) => setDays({ ...days, last: event.currentTarget.value })}
      />
      <button type="submit" class="button" disabled={isWrong}>
        Show
      </button>
    </form>
  );
}
