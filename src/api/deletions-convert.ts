import type { StaffActor, TenantActor } from '../domain/actor.ts';
import { DELETION_STEPS, type DeletionRequest, type LegalHold } from '../domain/deletion.ts';
import { type CertificateCheck, type DeletionCertificate, rowsNoted } from '../domain/deletion-certificate.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type {
  DeletionCertificateItem,
  DeletionCertificateSummary,
  DeletionRequestItem,
  DeletionVerification,
  LegalHoldItem,
} from './deletions-contract.ts';
import type { DeletionTerms } from './deletions-ports.ts';

function nextStepOf({ state, legalHold, notBefore, waitsFor }: DeletionRequest, { automatic }: DeletionTerms): string {
  if (state === 'cancelled') return 'Cancelled: nothing was deleted.';
  if (legalHold && state === 'requested') {
    return 'The operator is obliged to keep this data at present, so nothing is deleted while that holds.';
  }
  if (legalHold) {
    return 'Stopped by a legal hold: what is not deleted yet stays, and it goes on when the hold is released.';
  }
  if (state === 'failed')
    return 'It failed several times and stands still: the operator has to look and start it again.';
  if (state === 'running')
    return waitsFor === null ? 'It is being deleted.' : `It is being deleted, and waits: ${waitsFor}`;
  const day = rfc3339(notBefore).slice(0, 10);
  return automatic
    ? `The tenant is closed, and deleted by itself from ${day} on; until then this can be cancelled, which opens it again.`
    : `The tenant is closed, and the operator deletes it, not before ${day}. Nothing is deleted by itself; until then this can be cancelled, which opens it again.`;
}

/** Tenants do not learn who of the operator's people did something, or what their stores look like. */
export function deletionToWire(
  request: DeletionRequest,
  reader: StaffActor | TenantActor,
  terms: DeletionTerms,
): DeletionRequestItem {
  const isTenant = reader.kind === 'tenant';
  const by = (subject: string, isOperator: boolean) => (isOperator && isTenant ? 'operator' : subject);
  return {
    ...{ id: request.requestId, tenant_id: request.tenantId, state: request.state, reason: request.reason },
    ...{ legal_basis: request.legalBasis, started_at: nullableTime(request.startedAt), step: request.step },
    requested_by: by(request.requestedBy, request.requestedByOperator),
    requested_at: rfc3339(request.requestedAt),
    not_before: rfc3339(request.notBefore),
    ended_at: nullableTime(request.endedAt),
    ended_by: request.endedBy === null ? null : by(request.endedBy, request.endedByOperator === true),
    steps_done: request.step === null ? 0 : DELETION_STEPS.indexOf(request.step),
    steps_total: DELETION_STEPS.length,
    progress: isTenant ? [] : rowsNoted(request.progress, 'deleted').map((row) => ({ ...row })),
    waits_for: isTenant ? null : request.waitsFor,
    failure: isTenant ? null : request.failure,
    legal_hold: request.legalHold,
    next_step: nextStepOf(isTenant ? { ...request, waitsFor: null } : request, terms),
  };
}

export function holdToWire({ tenantId, reason: why, setBy, setAt }: LegalHold): LegalHoldItem {
  return { tenant_id: tenantId, reason: why, set_by: setBy, set_at: rfc3339(setAt) };
}

export function certificateSummary({ body }: DeletionCertificate): DeletionCertificateSummary {
  return {
    ...{ id: body.certificate_id, pseudonym: body.pseudonym, requested_at: body.requested_at },
    ...{ finished_at: body.finished_at, legal_basis: body.legal_basis },
    rows_deleted: body.deleted.reduce((sum, { rows }) => sum + rows, 0),
  };
}

export function certificateToWire(certificate: DeletionCertificate): DeletionCertificateItem {
  const { body, aftercare } = certificate;
  return {
    ...certificateSummary(certificate),
    ...{ requested_by: body.requested_by, not_before: body.not_before, started_at: body.started_at },
    ...{ started_by: body.started_by, tenantry_version: body.tenantry_version, audit_records: body.audit.records },
    deleted: [...body.deleted],
    kept_under_pseudonym: [...body.kept_under_pseudonym],
    names_taken_out: [...body.names_taken_out],
    proofs: [...body.proofs],
    limits: [...body.limits],
    ...{ signed_text: certificate.text, sha256: certificate.sha256, signature: certificate.signature },
    public_key: certificate.publicKey,
    aftercare:
      aftercare === null
        ? null
        : {
            at: aftercare.at,
            notes: [...aftercare.notes],
            files_left: aftercare.files === null ? null : [...aftercare.files],
          },
  };
}

export function checkToWire(check: CertificateCheck): DeletionVerification {
  return {
    ...{ certificate_id: check.certificateId, checked_at: rfc3339(check.checkedAt), holds: check.holds },
    ...{ signature_good: check.signatureGood, chained: check.chained, audit_as_left: check.auditAsLeft },
    ...{ entered_anew: check.enteredAnew, proofs: [...check.proofs] },
    files_left: check.files === null ? null : [...check.files],
  };
}
