import { Command, InvalidArgumentError, Option } from 'commander';
import type { MeterItem, MeterList, NewMeter } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { METER_AGGREGATIONS } from '../../domain/meter.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

function show(items: readonly MeterItem[]): void {
  if (items.length === 0) {
    print('No meter.');
    return;
  }
  printTable([
    ['SLUG', 'EVENT TYPE', 'AGGREGATION', 'VALUE', 'UNIT', 'GROUPS'],
    ...items.map((item) => [
      item.slug,
      item.event_type,
      item.aggregation,
      item.value_property ?? '-',
      item.unit,
      Object.keys(item.group_by).join(', ') || '-',
    ]),
  ]);
}

/** `model=$.model`, repeatable. */
function group(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, path] = /^([a-z][a-z0-9_]*)=(\$.+)$/.exec(text) ?? [];
  if (name === undefined || path === undefined)
    throw new InvalidArgumentError('Give name=path, such as model=$.model.');
  return { ...before, [name]: path };
}

interface AddOptions {
  eventType: string;
  aggregation: NewMeter['aggregation'];
  value?: string;
  group: Record<string, string>;
  unit?: string;
  description?: string;
}

export function meterCommand(): Command {
  const command = new Command('meter').description('list, add and remove meters over usage events');
  command
    .command('list')
    .description('what is counted')
    .action(async () => show((await askServer<MeterList>(loadConfig(), 'GET', '/v1/meters')).items));
  command
    .command('add <slug>')
    .description('define a meter; it counts past events as well as those that come')
    .requiredOption('--event-type <type>', 'type of the events that it counts')
    .addOption(
      new Option('--aggregation <how>', 'what becomes of the values').choices(METER_AGGREGATIONS).makeOptionMandatory(),
    )
    .option('--value <path>', 'JSON path of the value, such as $.tokens; not for count')
    .option('--group <name=path>', 'what it can be grouped by; may be repeated', group, {})
    .option('--unit <unit>', 'what one is')
    .option('--description <text>', 'for people')
    .action(async (slug: string, options: AddOptions) => {
      const meter: NewMeter = {
        slug,
        event_type: options.eventType,
        aggregation: options.aggregation,
        group_by: options.group,
        ...(options.value === undefined ? {} : { value_property: options.value }),
        ...(options.unit === undefined ? {} : { unit: options.unit }),
        ...(options.description === undefined ? {} : { description: options.description }),
      };
      show([await askServer<MeterItem>(loadConfig(), 'POST', '/v1/meters', meter)]);
    });
  command
    .command('remove <slug>')
    .description('remove a meter; the events stay')
    .action(async (slug: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/meters/${encodeURIComponent(slug)}`);
      print(`Meter ${slug} is removed.`);
    });
  return command;
}
