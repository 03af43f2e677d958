import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

interface Signable {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly service: string;
  readonly region: string;
  readonly headers: Record<string, string>;
}

/** It has no types of its own. */
const aws4 = createRequire(import.meta.url)('aws4') as {
  sign(request: Signable, keys: typeof S3_KEYS): { headers?: Record<string, string> };
};

export interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly storageClass?: string;
  /** Versions that newer ones have replaced, by size. */
  readonly older?: readonly number[];
}

export interface S3Server {
  readonly url: string;
  /** Paths and queries that were answered 200. */
  readonly answered: string[];
  /** The next so many requests are answered with this instead. */
  fail(status: number, times: number): void;
  stop(): Promise<void>;
}

export const S3_KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
export const S3_REGION = 'eu-central-1';
export const S3_BUCKET = 'tenant-files';

/** As S3 with `encoding-type=url`. */
const encoded = (key: string) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
const xml = (root: string, inner: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;

/** Whether an independent signer, given the same request and key, comes to the same signature. */
function isSigned(request: IncomingMessage): boolean {
  const { authorization = '', host = '', 'x-amz-date': date, 'x-amz-content-sha256': hash } = request.headers;
  const [, signed = ''] = /SignedHeaders=([^,]+)/.exec(authorization) ?? [];
  const headers: Record<string, string> = {};
  for (const name of signed.split(';')) if (name !== 'host') headers[name] = String(request.headers[name]);
  if (date === undefined || hash === undefined) return false;
  const made = aws4.sign(
    { host, path: request.url ?? '', method: 'GET', service: 's3', region: S3_REGION, headers },
    S3_KEYS,
  );
  return String(made.headers?.['Authorization']) === authorization;
}

/** An S3 as far as listings go: 1,000 keys a page, signatures checked by a library that the collector does not use. */
export async function startS3Server(
  objects: readonly StoredObject[],
  uploads: readonly { readonly key: string; readonly parts: readonly number[] }[] = [],
): Promise<S3Server> {
  const sorted = objects.toSorted((left, right) => (left.key < right.key ? -1 : 1));
  const answered: string[] = [];
  let failing = { status: 0, times: 0 };

  const listObjects = (query: URLSearchParams) => {
    const matching = sorted.filter(({ key }) => key.startsWith(query.get('prefix') ?? ''));
    const start = Number(query.get('continuation-token')?.slice('token '.length) ?? 0);
    const page = matching.slice(start, start + 1_000);
    const end = start + page.length;
    const contents = page.map(
      ({ key, size, storageClass = 'STANDARD' }) =>
        `<Contents><Key>${encoded(key)}</Key><Size>${size}</Size><StorageClass>${storageClass}</StorageClass></Contents>`,
    );
    const next = end < matching.length ? `<NextContinuationToken>token ${end}</NextContinuationToken>` : '';
    return xml('ListBucketResult', `<IsTruncated>${end < matching.length}</IsTruncated>${contents.join('')}${next}`);
  };
  const listVersions = (query: URLSearchParams) => {
    const all = sorted
      .filter(({ key }) => key.startsWith(query.get('prefix') ?? ''))
      .flatMap(({ key, size, storageClass = 'STANDARD', older = [] }) =>
        [size, ...older].map(
          (bytes, index) =>
            `<Version><Key>${encoded(key)}</Key><VersionId>v${index}</VersionId><IsLatest>${index === 0}</IsLatest><Size>${bytes}</Size><StorageClass>${storageClass}</StorageClass></Version>`,
        ),
      );
    const start = Number(query.get('version-id-marker') ?? 0);
    const end = Math.min(all.length, start + 1_000);
    const next = `<NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>${end}</NextVersionIdMarker>`;
    const isTruncated = end < all.length;
    return xml(
      'ListVersionsResult',
      `<IsTruncated>${isTruncated}</IsTruncated>${all.slice(start, end).join('')}<DeleteMarker><Key>gone</Key></DeleteMarker>${isTruncated ? next : ''}`,
    );
  };
  const listUploads = () =>
    xml(
      'ListMultipartUploadsResult',
      `<IsTruncated>false</IsTruncated>${uploads.map(({ key }, index) => `<Upload><Key>${encoded(key)}</Key><UploadId>u${index}</UploadId></Upload>`).join('')}`,
    );
  const listParts = (id: string, query: URLSearchParams) => {
    const parts = uploads[Number(id.slice(1))]?.parts ?? [];
    const start = Number(query.get('part-number-marker') ?? 0);
    const page = parts.slice(start, start + 2);
    const end = start + page.length;
    const sizes = page.map((size) => `<Part><Size>${size}</Size></Part>`).join('');
    return xml(
      'ListPartsResult',
      `<IsTruncated>${end < parts.length}</IsTruncated><NextPartNumberMarker>${end}</NextPartNumberMarker>${sizes}`,
    );
  };

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (failing.times > 0) {
      failing = { ...failing, times: failing.times - 1 };
      response.writeHead(failing.status).end(xml('Error', '<Code>SlowDown</Code>'));
      return;
    }
    if (!isSigned(request)) {
      response.writeHead(403).end(xml('Error', '<Code>SignatureDoesNotMatch</Code>'));
      return;
    }
    const { searchParams: query } = new URL(request.url ?? '', 'http://s3');
    const upload = query.get('uploadId');
    answered.push(request.url ?? '');
    response.setHeader('content-type', 'application/xml');
    if (upload !== null) response.end(listParts(upload, query));
    else if (query.has('uploads')) response.end(listUploads());
    else if (query.has('versions')) response.end(listVersions(query));
    else response.end(listObjects(query));
  };
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    fail: (status, times) => {
      failing = { status, times };
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
