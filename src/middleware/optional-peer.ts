/** Packages that only some apps need: what is asked for and missing is named, with the command that installs it. */

const NOT_FOUND: ReadonlySet<unknown> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);
const warned = new Set<string>();

/**
 * What `load` imports. @param feature what needs it, as the app wrote it
 * @throws Error that says what to install when a package is missing; else whatever loading threw
 */
export async function optionalPeer<T>(
  feature: string,
  packages: readonly string[],
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!NOT_FOUND.has((error as { code?: unknown }).code)) throw error;
    throw new Error(`${feature} needs a package that is not installed. Run: npm install ${packages.join(' ')}`, {
      cause: error,
    });
  }
}

/** As `optionalPeer`, where the caller goes on without: then a process warning is what tells, once for each feature. */
export async function warnedPeer<T>(feature: string, packages: readonly string[], load: () => Promise<T>): Promise<T> {
  try {
    return await optionalPeer(feature, packages, load);
  } catch (error) {
    if (!warned.has(feature)) {
      warned.add(feature);
      process.emitWarning((error as Error).message, { code: 'TENANTRY_PEER' });
    }
    throw error;
  }
}
