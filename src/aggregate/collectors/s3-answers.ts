import { XMLParser } from 'fast-xml-parser';
import { TenantryError } from '../../domain/errors.ts';

/** Texts stay texts: a key may look like a number. */
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => ['Contents', 'Version', 'Upload', 'Part', 'DeleteMarker'].includes(name),
});

export interface ListedObject {
  readonly key: string;
  readonly bytes: bigint;
  readonly storageClass: string;
  /** False: a newer version has taken its place. */
  readonly isLatest: boolean;
}

export interface ListedPage<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins, as query parameters; undefined: this was the last one. */
  readonly next: Readonly<Record<string, string>> | undefined;
}

export interface ListedUpload {
  readonly key: string;
  readonly uploadId: string;
}

type Element = Readonly<Record<string, unknown>>;

function rootOf(xml: string, name: string): Element {
  let parsed: Element;
  try {
    parsed = parser.parse(xml) as Element;
  } catch {
    throw unreadable();
  }
  const root = parsed[name];
  if (typeof root !== 'object' || root === null) throw unreadable();
  return root as Element;
}

function unreadable(): TenantryError {
  return new TenantryError('STORE_UNAVAILABLE', 'The storage service does not answer with a listing of S3.');
}

function textOf(element: Element, name: string): string {
  const value = element[name];
  return typeof value === 'string' ? value : '';
}

function elementsOf(element: Element, name: string): readonly Element[] {
  const value = element[name];
  return Array.isArray(value) ? (value as Element[]) : [];
}

/** Listings are asked for with `encoding-type=url`: XML 1.0 cannot hold every character of a key. */
function keyOf(element: Element, name = 'Key'): string {
  try {
    return decodeURIComponent(textOf(element, name).replaceAll('+', ' '));
  } catch {
    throw unreadable();
  }
}

function bytesOf(element: Element): bigint {
  const text = textOf(element, 'Size');
  if (!/^\d{1,18}$/.test(text)) throw unreadable();
  return BigInt(text);
}

function objectOf(element: Element, isLatest: boolean): ListedObject {
  const storageClass = textOf(element, 'StorageClass');
  return { key: keyOf(element), bytes: bytesOf(element), storageClass: storageClass || 'STANDARD', isLatest };
}

/** Names may come back with nothing said of where to go on, which would ask for the first page for ever. */
function nextOf(root: Element, next: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  if (textOf(root, 'IsTruncated') !== 'true') return undefined;
  if (Object.values(next).every((value) => value === '')) throw unreadable();
  return next;
}

export function readObjects(xml: string): ListedPage<ListedObject> {
  const root = rootOf(xml, 'ListBucketResult');
  return {
    items: elementsOf(root, 'Contents').map((element) => objectOf(element, true)),
    next: nextOf(root, { 'continuation-token': textOf(root, 'NextContinuationToken') }),
  };
}

export function readVersions(xml: string): ListedPage<ListedObject> {
  const root = rootOf(xml, 'ListVersionsResult');
  return {
    items: elementsOf(root, 'Version').map((element) => objectOf(element, textOf(element, 'IsLatest') === 'true')),
    next: nextOf(root, {
      'key-marker': keyOf(root, 'NextKeyMarker'),
      'version-id-marker': textOf(root, 'NextVersionIdMarker'),
    }),
  };
}

export function readUploads(xml: string): ListedPage<ListedUpload> {
  const root = rootOf(xml, 'ListMultipartUploadsResult');
  return {
    items: elementsOf(root, 'Upload').map((element) => ({
      key: keyOf(element),
      uploadId: textOf(element, 'UploadId'),
    })),
    next: nextOf(root, {
      'key-marker': keyOf(root, 'NextKeyMarker'),
      'upload-id-marker': textOf(root, 'NextUploadIdMarker'),
    }),
  };
}

/** Bytes of the parts of one page. */
export function readParts(xml: string): ListedPage<bigint> {
  const root = rootOf(xml, 'ListPartsResult');
  return {
    items: elementsOf(root, 'Part').map(bytesOf),
    next: nextOf(root, { 'part-number-marker': textOf(root, 'NextPartNumberMarker') }),
  };
}
