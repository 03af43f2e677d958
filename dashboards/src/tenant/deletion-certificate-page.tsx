import { useState } from 'preact/hooks';
import type { DeletionCertificateItem, DeletionVerification } from '../../../src/api/deletions-contract.ts';
import { csvText } from '../shared/csv.ts';
import { CsvButton } from '../shared/csv-button.tsx';
import { Loaded } from '../shared/loaded.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { certificate, verifyCertificate } from './deletion-api.ts';
import { checkLines } from './deletion-text.ts';
import '../styles/account.css';

const QUIET_MS = 300_000;

/** A certificate to be read, printed and checked again. */
export function DeletionCertificatePage({ params }: PageProps) {
  const id = params['id'] ?? '';
  const live = useLive(`deletion-certificate ${id}`, (signal) => certificate(id, signal), QUIET_MS);
  return (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>Certificate of deletion</h1>
        <button type="button" class="button no-print" onClick={() => window.print()}>
          Print
        </button>
      </header>
      <Loaded live={live}>{(item) => <Certificate item={item} />}</Loaded>
    </>
  );
}

function Certificate({ item }: { item: DeletionCertificateItem }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const time = (text: string) => clock.dateMinute(Date.parse(text));
  const facts: readonly (readonly [string, string])[] = [
    ['Certificate', item.id],
    ['Tenant, by pseudonym', item.pseudonym],
    ['Requested', `${time(item.requested_at)}, by the ${item.requested_by}`],
    ['Not before', time(item.not_before)],
    ['Carried out', `${time(item.started_at)} to ${time(item.finished_at)}, started by the ${item.started_by}`],
    ['Legal basis', item.legal_basis === '' ? 'not told' : item.legal_basis],
    ['Rows deleted', item.rows_deleted.toLocaleString('en')],
    ['Records of the audit log without their words', String(item.audit_records)],
    ['SHA-256', item.sha256],
    ['Signature (Ed25519)', item.signature],
    ['Public key', item.public_key],
  ];
  return (
    <article class="card certificate" data-testid="certificate">
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Check id={item.id} />
      <Places title="Deleted" rows={item.deleted} />
      <Places
        title="Kept under the pseudonym, so that bills and closed months add up"
        rows={item.kept_under_pseudonym}
      />
      <Places title="Rows of others that named the tenant, and no longer do" rows={item.names_taken_out} />
      <h2>Proofs</h2>
      <p>
        {item.proofs.length} questions to both stores, each answered{' '}
        {Math.max(0, ...item.proofs.map(({ result }) => result))}.
      </p>
      <CsvButton
        id={`deletion-${item.id}`}
        text={async () =>
          csvText(
            ['place', 'query', 'result'],
            item.proofs.map(({ place, query, result }) => [place, query, result]),
          )
        }
      />
      <h2>What this does not prove</h2>
      <ul>
        {[...item.limits, ...(item.aftercare?.notes ?? [])].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </article>
  );
}

function Places({ title, rows }: { title: string; rows: readonly { place: string; rows: number }[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      <ul class="small">
        {rows.map(({ place, rows: count }) => (
          <li key={place}>
            <code>{place}</code>: {count.toLocaleString('en')}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Asks every proof again. With the tenant's id, which the certificate does not know, files are searched too. */
function Check({ id }: { id: string }) {
  const [tenantId, setTenantId] = useState('');
  const [check, setCheck] = useState<DeletionVerification | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const [pending, setPending] = useState(false);
  const ask = async () => {
    setPending(true);
    setError(undefined);
    try {
      setCheck(await verifyCertificate(id, tenantId.trim()));
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      setPending(false);
    }
  };
  return (
    <section class="no-print" aria-label="Check now">
      <p>
        <label>
          Tenant, to search files too (optional){' '}
          <input
            type="text"
            value={tenantId}
            autocomplete="off"
            onInput={(event) => setTenantId(event.currentTarget.value)}
          />
        </label>{' '}
        <button type="button" class="button" disabled={pending} data-testid="verify" onClick={() => void ask()}>
          {pending ? 'Checking …' : 'Check now'}
        </button>
      </p>
      {error !== undefined && <p class="bad-text">{error}</p>}
      {check !== undefined && (
        <div data-testid="verification" aria-live="polite">
          <p>
            <strong class={check.holds ? '' : 'bad-text'}>
              {check.holds ? 'The certificate holds.' : 'The certificate does not hold.'}
            </strong>
          </p>
          <ul>
            {checkLines(check).map(({ text, good }) => (
              <li key={text} class={good ? '' : 'bad-text'}>
                {good ? '✓' : '✗'} {text}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
