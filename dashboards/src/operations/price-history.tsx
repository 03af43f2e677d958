import type { PriceItem } from '../../../src/api/prices-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import { useLive } from '../shared/use-live.ts';
import { allPrices } from './price-api.ts';
import { EndPriceButton } from './price-end.tsx';
import { dateText, LAYER_LABELS, subjectText, termsText } from './price-text.ts';
import { timelineOf } from './price-timeline.ts';

async function historyOf(provider: string, model: string): Promise<readonly PriceItem[]> {
  const found = await allPrices({ q: model });
  return found.filter((price) => price.provider === provider && price.model === model);
}

/** What one model costs and cost: a lane for each kind, a bar for each price. */
export function PriceHistory(props: {
  provider: string;
  model: string;
  closeHref: string;
  mayEdit: boolean;
  onChanged: () => void;
}) {
  const { provider, model } = props;
  const live = useLive(`history ${provider} ${model}`, () => historyOf(provider, model), null);
  const changed = () => {
    live.refresh();
    props.onChanged();
  };
  return (
    <section class="card panel" aria-labelledby="history" data-testid="price-history">
      <div class="panel-head">
        <h2 id="history">
          {model} <span class="muted">by {provider}</span>
        </h2>
        <Link class="button small" href={props.closeHref}>
          Close
        </Link>
      </div>
      <Loaded live={live}>{(prices) => <History prices={prices} mayEdit={props.mayEdit} onChanged={changed} />}</Loaded>
    </section>
  );
}

function History(props: { prices: readonly PriceItem[]; mayEdit: boolean; onChanged: () => void }) {
  const { prices } = props;
  if (prices.length === 0) return <p class="muted">There is no price of this model.</p>;
  const { lanes, from, to, nowAt } = timelineOf(prices, serverNow());
  return (
    <>
      <div class="timeline" role="img" aria-label="Prices over time; the list below says the same">
        {lanes.map(({ subject, bars }) => (
          <div key={subject} class="lane">
            <span class="lane-name">{subject}</span>
            <span class="lane-bars">
              {bars.map((bar) => (
                <span
                  key={bar.id}
                  class={`lane-bar${bar.holdsNow ? ' now' : ''}`}
                  style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
                  title={bar.title}
                >
                  {bar.label}
                </span>
              ))}
              <span class="lane-now" style={{ left: `${nowAt}%` }} />
            </span>
          </div>
        ))}
        <div class="lane muted small">
          <span class="lane-name" />
          <span class="lane-axis">
            <span>{new Date(from).toISOString().slice(0, 10)}</span>
            <span>{new Date(to).toISOString().slice(0, 10)}</span>
          </span>
        </div>
      </div>
      <ul class="price-list">
        {prices.map((price) => (
          <li key={price.id} class="row">
            <span class="row-main">
              <strong>{subjectText(price)}</strong> {termsText(price)}{' '}
              <span class="muted small">
                {dateText(price.effective_from, 'since ever')} to {dateText(price.effective_to, 'further notice')},{' '}
                {LAYER_LABELS[price.layer].toLowerCase()}, from {price.source}
                {price.source_ref !== '' && ` (${price.source_ref})`}
              </span>
            </span>
            {props.mayEdit && (price.layer === 'book' || price.layer === 'seed') && (
              <EndPriceButton owner={{ kind: 'book' }} price={price} onDone={props.onChanged} />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
