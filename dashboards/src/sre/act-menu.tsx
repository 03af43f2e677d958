import { useState } from 'preact/hooks';
import type { BreakerItem } from '../../../src/api/contract.ts';
import type { Zone } from '../shared/time-format.ts';
import { BreakerForm } from './act-breaker-form.tsx';
import { DegradeForm } from './act-degrade-form.tsx';
import { ThrottleForm } from './throttle-form.tsx';

/** What can be done about one tenant, each with its own dialog. */
export function ActMenu(props: {
  tenantId: string;
  /** Requests a second; null: not known. */
  currentRate: number | null;
  breakers: readonly BreakerItem[];
  zone: Zone;
  onDone: () => void;
}) {
  const [open, setOpen] = useState<'throttle' | 'shadow' | 'breaker' | 'degrade' | undefined>();
  const { tenantId } = props;
  const close = () => setOpen(undefined);
  const done = () => {
    close();
    props.onDone();
  };
  return (
    <fieldset class="act-menu">
      <legend class="visually-hidden">Act on {tenantId}</legend>
      <button type="button" class="button danger-quiet" onClick={() => setOpen('throttle')}>
        Throttle …
      </button>
      <button type="button" class="button" onClick={() => setOpen('shadow')}>
        Shadow throttle …
      </button>
      <button type="button" class="button" onClick={() => setOpen('breaker')}>
        Breaker …
      </button>
      <button type="button" class="button" onClick={() => setOpen('degrade')}>
        Degrade …
      </button>
      {(open === 'throttle' || open === 'shadow') && (
        <ThrottleForm
          tenantId={tenantId}
          currentRate={props.currentRate}
          zone={props.zone}
          mode={open === 'shadow' ? 'shadow' : 'enforce'}
          onClose={close}
          onCreated={done}
        />
      )}
      {open === 'breaker' && (
        <BreakerForm
          tenantId={tenantId}
          known={props.breakers.filter((one) => one.tenant_id === tenantId)}
          zone={props.zone}
          onClose={close}
          onDone={done}
        />
      )}
      {open === 'degrade' && <DegradeForm tenantId={tenantId} zone={props.zone} onClose={close} onDone={done} />}
    </fieldset>
  );
}
