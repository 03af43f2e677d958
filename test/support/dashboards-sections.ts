import type { Page } from 'playwright-core';

/** Goes through all sections of a tenant's page, each of which loads when it comes near. */
export async function loadSections(page: Page): Promise<void> {
  const sections = page.locator('.tenant-section');
  await sections.first().waitFor();
  for (const section of await sections.all()) {
    await section.scrollIntoViewIfNeeded();
    await page.locator(`#${await section.getAttribute('id')}[data-loaded="true"]`).waitFor();
  }
}
