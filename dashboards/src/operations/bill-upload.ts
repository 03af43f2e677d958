/** Sends a bill with its progress, which fetch cannot tell. */
import type { BillImportReport } from '../../../src/api/bills-contract.ts';
import type { Problem } from '../../../src/api/contract.ts';
import { ApiError, urlOf } from '../shared/api-client.ts';

export interface UploadProgress {
  readonly sent: number;
  readonly total: number;
}

/** A refused line of the file; the header is line 1. */
export interface BillLineProblem {
  readonly line: number;
  readonly problem: string;
}

export interface BillUpload {
  readonly result: Promise<BillImportReport>;
  /** Stops sending; the server keeps nothing of it. */
  readonly abort: () => void;
}

export interface BillUploadTerms {
  readonly [name: string]: string | boolean | undefined;
}

/** Of the types that the server takes. Browsers know hardly any of them by name. */
function typeOf(fileName: string): string {
  const name = fileName.toLowerCase();
  if (name.endsWith('.gz')) return 'application/gzip';
  if (name.endsWith('.parquet')) return 'application/vnd.apache.parquet';
  if (name.endsWith('.tsv')) return 'text/tab-separated-values';
  return name.endsWith('.csv') ? 'text/csv' : 'application/octet-stream';
}

/** The lines that a refusal names; empty where it is about the whole file. */
export function refusedLines(error: ApiError): { lines: readonly BillLineProblem[]; total: number } {
  const problem: unknown = error.problem;
  if (typeof problem !== 'object' || problem === null || !('lines' in problem)) return { lines: [], total: 0 };
  const lines = problem.lines as readonly BillLineProblem[];
  return { lines, total: 'total' in problem ? Number(problem.total) : lines.length };
}

/** POST /v1/bills with the file as it is. @throws (rejects) ApiError, whose problem may name lines */
export function uploadBill(
  file: File,
  terms: BillUploadTerms,
  onProgress: (progress: UploadProgress) => void,
): BillUpload {
  const request = new XMLHttpRequest();
  const result = new Promise<BillImportReport>((resolve, reject) => {
    request.open('POST', urlOf('/v1/bills', { file_name: file.name, ...terms }));
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', typeOf(file.name));
    // The server refuses writes that come without it.
    request.setRequestHeader('x-tenantry-csrf', '1');
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => onProgress({ sent: loaded, total });
    request.onerror = () => reject(new ApiError(0, 'The server cannot be reached'));
    request.onabort = () => reject(new ApiError(0, 'Stopped. Nothing was kept.'));
    request.onload = () => {
      const answer: unknown = request.response;
      if (request.status >= 200 && request.status < 300) return resolve(answer as BillImportReport);
      const problem = answer === null ? undefined : (answer as Problem);
      reject(new ApiError(request.status, problem?.detail ?? `The server answered ${request.status}`, problem));
    };
    request.send(file);
  });
  return { result, abort: () => request.abort() };
}
