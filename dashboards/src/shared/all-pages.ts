interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** No list that people look at has more; a server that never ends its pages must not hold the browser for ever. */
const MOST_PAGES = 200;

/** Every item of a list that comes page by page; `ask` gets the cursor of the next page. */
export async function allPages<Item>(ask: (cursor: string | undefined) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await ask(cursor);
    items.push(...answer.items);
    if (answer.next_cursor === null) return items;
    cursor = answer.next_cursor;
  }
  return items;
}
