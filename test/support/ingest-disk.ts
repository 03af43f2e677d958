import { nodeDisk, type SpoolDisk, type SpoolFile } from '../../ingest/spool-disk.ts';

export type DiskCall =
  | 'create'
  | 'write'
  | 'datasync'
  | 'truncate'
  | 'close'
  | 'rename'
  | 'syncFolder'
  | 'space'
  | 'list';

/**
 * The real file system with a say before each call: a test records the order, makes a call wait or fail. `before` gets
 * the path (of the file or folder) and may return a promise; what it throws becomes the call's failure.
 */
export function observedDisk(
  before: (call: DiskCall, path: string) => void | Promise<void>,
  after: (call: DiskCall, path: string) => void = () => {},
  real: SpoolDisk = nodeDisk,
): SpoolDisk {
  const around = async <T>(call: DiskCall, path: string, run: () => Promise<T>): Promise<T> => {
    await before(call, path);
    const result = await run();
    after(call, path);
    return result;
  };
  const observed = (file: SpoolFile, path: string): SpoolFile => ({
    write: (parts) => around('write', path, () => file.write(parts)),
    datasync: () => around('datasync', path, () => file.datasync()),
    truncate: (bytes) => around('truncate', path, () => file.truncate(bytes)),
    close: () => around('close', path, () => file.close()),
  });
  return {
    ...real,
    create: (path) => around('create', path, async () => observed(await real.create(path), path)),
    reopen: async (path) => observed(await real.reopen(path), path),
    rename: (from, to) => around('rename', to, () => real.rename(from, to)),
    syncFolder: (path) => around('syncFolder', path, () => real.syncFolder(path)),
    list: (path) => around('list', path, () => real.list(path)),
    space: (path) => around('space', path, () => real.space(path)),
  };
}
