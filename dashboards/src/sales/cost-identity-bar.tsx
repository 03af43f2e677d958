import type { CostList } from '../../../src/api/contract.ts';
import { formatPercent } from '../shared/format.ts';
import { exactAmount, formatAmount } from '../shared/money.ts';
import '../styles/cost-identity.css';
import { costIdentity, type IdentityPiece } from './cost-identity.ts';
import { shareOf } from './money-sum.ts';

/** Where the bill went, in one picture, with the check that nothing of it is missing. */
export function IdentityBar(props: { costs: CostList }) {
  const { costs } = props;
  const { currency } = costs;
  const identity = costIdentity(costs);
  const whole = Number(identity.wholeMicro);
  return (
    <section class="identity card" aria-label="Where the bill went" data-testid="identity">
      <div class="identity-head">
        <h2>
          {formatAmount(identity.wholeMicro, currency)} <span class="muted">{wholeText(costs)}</span>
        </h2>
        <p
          class={`checked${identity.isWhole ? '' : ' bad'}`}
          data-testid="residual"
          role={identity.isWhole ? undefined : 'alert'}
        >
          {identity.isWhole
            ? `Residual ${exactAmount(0, currency)}: checked`
            : `Residual ${exactAmount(identity.residualMicro === 0 ? costs.residual_micro : identity.residualMicro, currency)}: it must be 0, please report it`}
        </p>
      </div>
      {whole > 0 && (
        <div class="identity-bar" aria-hidden="true">
          {identity.pieces
            .filter(({ micro }) => Number(micro) > 0)
            .map((piece) => (
              <span
                key={piece.id}
                class={`identity-piece ${piece.id}`}
                style={{ width: `${(Number(piece.micro) / whole) * 100}%` }}
                title={`${piece.label}: ${exactAmount(piece.micro, currency)}`}
              />
            ))}
        </div>
      )}
      <dl class="identity-sum">
        {identity.pieces.map((piece, index) => (
          <Piece key={piece.id} piece={piece} first={index === 0} costs={costs} whole={identity.wholeMicro} />
        ))}
        <div class="identity-term">
          <dt>Bill{costs.estimated_micro === 0 ? '' : ' and estimates'}</dt>
          <dd data-testid="identity-whole" title={exactAmount(identity.wholeMicro, currency)}>
            <span class="operator">=</span>
            {formatAmount(identity.wholeMicro, currency)}
          </dd>
        </div>
      </dl>
    </section>
  );
}

function wholeText({ estimated_micro: estimated, bill_micro: bill, currency }: CostList): string {
  if (estimated === 0) return 'billed';
  if (bill === 0) return 'of AI usage at the price book’s prices; no bill covers these days';
  return `in all: ${formatAmount(bill, currency)} billed, and ${formatAmount(estimated, currency)} of AI usage that no bill covers`;
}

function Piece(props: { piece: IdentityPiece; first: boolean; costs: CostList; whole: number | string }) {
  const { piece, costs } = props;
  return (
    <div class="identity-term" title={piece.about}>
      <dt>
        <span class={`swatch ${piece.id}`} aria-hidden="true" />
        {piece.label}
      </dt>
      <dd data-testid={`identity-${piece.id}`} title={exactAmount(piece.micro, costs.currency)}>
        {!props.first && <span class="operator">+</span>}
        {formatAmount(piece.micro, costs.currency)}
        <span class="muted small"> {formatPercent(shareOf(piece.micro, props.whole))}</span>
      </dd>
    </div>
  );
}
