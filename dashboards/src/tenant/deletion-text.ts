import type { DeletionRequestItem, DeletionVerification } from '../../../src/api/deletions-contract.ts';

const STEPS: Readonly<Record<NonNullable<DeletionRequestItem['step']>, string>> = {
  close: 'ending its keys',
  drain: 'loading what was spooled',
  files: 'removing files',
  telemetry: 'deleting telemetry',
  memory: 'making detectors forget',
  'control-plane': 'emptying the control plane',
};

/** `3 of 6: deleting telemetry`; undefined: it is not under way. */
export function stepText({ step, steps_done: done, steps_total: total }: DeletionRequestItem): string | undefined {
  return step === null ? undefined : `${done + 1} of ${total}: ${STEPS[step]}`;
}

/** What the state column says. */
export function stateText(request: DeletionRequestItem): string {
  const { state, legal_hold: held } = request;
  if (state === 'requested') return held ? 'requested, under legal hold' : 'requested';
  if (state === 'running') return held ? 'stopped by legal hold' : 'being deleted';
  return state;
}

/** An admin may start it, now. `now`: Unix ms. */
export function mayStart({ state, legal_hold: held, not_before: day }: DeletionRequestItem, now: number): boolean {
  return !held && (state === 'failed' || (state === 'requested' && Date.parse(day) <= now));
}

/** One line for each thing that was checked: what, and whether it is so. */
export function checkLines(check: DeletionVerification): readonly { readonly text: string; readonly good: boolean }[] {
  const left = check.proofs.reduce((sum, { result }) => sum + result, 0);
  const files = check.files_left;
  return [
    { text: 'Signed by this installation', good: check.signature_good },
    { text: 'In the chain of the audit log', good: check.chained },
    { text: 'Audit records as they were left', good: check.audit_as_left },
    left === 0
      ? { text: 'No row of the tenant in any table', good: true }
      : {
          text: `${left} rows of the tenant${check.entered_anew ? ', which was entered anew' : ''}`,
          good: check.entered_anew,
        },
    ...(files === null
      ? []
      : [
          files.length === 0
            ? { text: 'No file names the tenant', good: true }
            : { text: `Files that name the tenant: ${files.join(', ')}`, good: check.entered_anew },
        ]),
  ];
}
