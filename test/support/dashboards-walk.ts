/** Looks at whichever page is open, and says what is wrong with it. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Goes to an address of the app as a link does, without loading everything anew. */
export async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate(`
    history.pushState(null, '', ${JSON.stringify(path)});
    dispatchEvent(new PopStateEvent('popstate'));
    new Promise((rendered) => requestAnimationFrame(() => requestAnimationFrame(() => rendered())));
  `);
}

/** Until the page has its heading and nothing on it is on its way. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor();
  await page.locator('main .loading').first().waitFor({ state: 'detached' });
}

/** Text that a frame which does not scroll cuts off, and which no ellipsis says to go on. */
const CUT_TEXT = `(() => {
  const cut = [];
  for (const element of document.querySelectorAll('main *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
    const box = element.getBoundingClientRect();
    if (text === '' || box.width === 0 || element.closest('.visually-hidden, svg, dialog:not([open])')) continue;
    for (let frame = element; frame && frame.tagName !== 'MAIN'; frame = frame.parentElement) {
      const { overflowX, textOverflow } = getComputedStyle(frame);
      if (['auto', 'scroll'].includes(overflowX) || textOverflow === 'ellipsis') break;
      if (!['hidden', 'clip'].includes(overflowX)) continue;
      if (box.right > frame.getBoundingClientRect().right + 1 || frame.scrollWidth > frame.clientWidth + 1) cut.push(text.slice(0, 40));
      break;
    }
  }
  return cut;
})()`;

/** What everybody may expect of any page at its present width: one heading, a title, nothing wider than the screen. */
export async function looksWrong(page: Page): Promise<string[]> {
  const [headings, title, tooWide] = (await page.evaluate(
    `[document.querySelectorAll('h1').length, document.title, document.documentElement.scrollWidth - innerWidth]`,
  )) as [number, string, number];
  const cut = (await page.evaluate(CUT_TEXT)) as string[];
  return [
    ...(headings === 1 ? [] : [`has ${headings} headings of the first level`]),
    ...(/^.+ · Tenantry$/.test(title) ? [] : [`has the title "${title}"`]),
    ...(tooWide > 0 ? [`is ${tooWide} px wider than the screen`] : []),
    ...cut.map((text) => `cuts off "${text}"`),
  ];
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe finds serious or critical. `rules`: only these; absent: all. */
export async function barriers(page: Page, rules?: readonly string[]): Promise<string[]> {
  // The policy forbids inline scripts to the page; what the debugger evaluates is none.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source);
  const options = { resultTypes: ['violations'], ...(rules === undefined ? {} : { runOnly: rules }) };
  const violations = (await page.evaluate(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  )) as Violation[];
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0]?.html.slice(0, 160)}`);
}
