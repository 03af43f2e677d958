import { open, rename } from 'node:fs/promises';

/** Whole or not at all under `path`, also after a power loss; `by` is where it is written first, on the same disk. */
export async function writeWhole(path: string, content: string | Uint8Array, by = `${path}.new`): Promise<void> {
  const file = await open(by, 'w');
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(by, path);
}

/** Makes what was created, renamed and removed in a folder outlast a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
