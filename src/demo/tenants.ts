import { pickWeighted, type Random, seededRandom } from './random.ts';

type Plan = 'free' | 'team' | 'business' | 'enterprise';
/** How a tenant's requests say whose they are. */
type Access = 'jwt' | 'subdomain' | 'header';

export interface Model {
  /** As `gen_ai.provider.name` spells it. */
  readonly provider: string;
  readonly name: string;
  readonly reasons: boolean;
}

export interface DemoTenant {
  readonly id: string;
  readonly name: string;
  readonly plan: Plan;
  readonly access: Access;
  /** Share of all requests, before normalisation. */
  readonly weight: number;
  /** Share of this tenant's requests that ask the assistant. */
  readonly aiShare: number;
  readonly models: readonly Model[];
  /** Share of requests that fail on purpose. */
  readonly errorShare: number;
  /** The assistant works as an agent: several model calls below an `invoke_agent` span that repeats their sum. */
  readonly usesAgent: boolean;
  /** The webhook endpoint of this tenant mostly fails. */
  readonly brokenWebhook: boolean;
  readonly noisy: boolean;
}

export const MODELS: readonly Model[] = [
  { provider: 'openai', name: 'gpt-4o-mini', reasons: false },
  { provider: 'openai', name: 'gpt-4.1', reasons: false },
  { provider: 'openai', name: 'o4-mini', reasons: true },
  { provider: 'anthropic', name: 'claude-sonnet-4-5', reasons: false },
  { provider: 'anthropic', name: 'claude-haiku-4-5', reasons: false },
  { provider: 'gcp.gemini', name: 'gemini-2.5-flash', reasons: true },
  { provider: 'mistral_ai', name: 'mistral-small-latest', reasons: false },
];
/** No price list knows this one: its cost must show as unknown. */
export const UNPRICED_MODEL: Model = { provider: 'local', name: 'orchard-7b-instruct', reasons: false };

const NAMES = [
  'Northwind Freight',
  'Blue Heron Dental',
  'Kestrel Robotics',
  'Maple & Finch',
  'Orchard Analytics',
  'Tidewater Legal',
  'Summit Outdoor',
  'Copperline Energy',
  'Paper Lantern Media',
  'Halcyon Clinics',
  'Ironwood Builders',
  'Juniper Schools',
  'Quayside Foods',
  'Silverbirch Bank',
  'Lighthouse Travel',
  'Redwood Insurance',
  'Foxglove Pharma',
  'Granite Motors',
  'Harbor Street Books',
  'Willow Creek Farms',
  'Cobalt Games',
  'Meridian Telecom',
  'Saffron Kitchens',
  'Pinecone Software',
  'Atlas Couriers',
  'Violet Hour Events',
  'Stonebridge Realty',
  'Osprey Aviation',
  'Marigold Care',
  'Driftwood Design',
  'Evergreen Utilities',
  'Lakeshore Credit',
  'Amber Valley Wines',
  'Nightjar Security',
  'Clover Fitness',
  'Sandpiper Hotels',
  'Thornfield Steel',
  'Bright Harbor AI',
  'Wren & Partners',
  'Cedar Hill Museum',
] as const;

/** A mid-sized customer: large enough to hurt the others when it turns noisy, too small to be suspected. */
const NOISY_INDEX = 4;
const ACCESSES: readonly Access[] = ['jwt', 'jwt', 'subdomain', 'header'];
const PLAN_SHARES: readonly (readonly [Plan, number])[] = [
  ['free', 45],
  ['team', 33],
  ['business', 17],
  ['enterprise', 5],
];
const PLAN_WEIGHT: Readonly<Record<Plan, number>> = { free: 0.4, team: 1, business: 2.5, enterprise: 6 };

function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function makeTenant(index: number, random: Random): DemoTenant {
  const base = NAMES[index % NAMES.length] ?? 'Tenant';
  const name = index < NAMES.length ? base : `${base} ${Math.floor(index / NAMES.length) + 1}`;
  const noisy = index === NOISY_INDEX;
  const plan = noisy ? 'team' : pickWeighted(PLAN_SHARES, ([, share]) => share, random)[0];
  // Heavy-tailed (Pareto, index 1.5) on top of the plan: some free users are busier than most paying ones.
  const habit = Math.min(8, (1 - random()) ** (-1 / 1.5));
  const wantsAi = random() < 0.6;
  const models = [pickWeighted(MODELS, () => 1, random), pickWeighted(MODELS, () => 1, random)];
  return {
    id: slug(name),
    name,
    plan,
    access: ACCESSES[index % ACCESSES.length] ?? 'header',
    weight: noisy ? 2 : PLAN_WEIGHT[plan] * habit,
    aiShare: noisy ? 0.15 : wantsAi ? 0.03 + random() * 0.25 : 0,
    models: index % 13 === 7 ? [UNPRICED_MODEL] : models,
    errorShare: random() < 0.15 ? 0.05 : 0.004,
    usesAgent: index % 5 === 2,
    brokenWebhook: index % 11 === 3,
    noisy,
  };
}

/** The same tenants for the same count and seed. Exactly one is noisy if there are at least five. */
export function makeTenants(count: number, seed: number): readonly DemoTenant[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => makeTenant(index, random));
}
