import { useState } from 'preact/hooks';
import type { FeatureList } from '../../../src/api/revenue-contract.ts';
import { AreaField, FormDialog, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import type { PageProps } from '../shared/page.ts';
import { Tabs } from '../shared/tabs.tsx';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import { getFeatures, setFeatures } from './revenue-api.ts';
import { REVENUE_TABS } from './revenue-text.ts';

type Feature = FeatureList['items'][number];

/** What the operator calls a feature: the routes that are it, and the plans that pay for it. */
export function FeaturesPage({ query }: PageProps) {
  const live = useLive('features', getFeatures, null);
  const [editing, setEditing] = useState<Feature | 'new' | undefined>();
  return (
    <>
      <div class="page-head">
        <h1>Features</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setEditing('new')}>
            New feature
          </button>
        </div>
      </div>
      <Tabs label="Revenue" pages={REVENUE_TABS} current="/revenue/features" query={query} />
      <p class="intro">
        Margins by feature need to know which routes cost and which plans pay. The first feature that fits a route has
        it.
      </p>
      <Loaded live={live}>
        {({ items }) => (
          <section class="stack" aria-label="Features">
            {items.length === 0 && (
              <p class="card table-empty">No feature yet: margins by feature show one line for all.</p>
            )}
            {items.map((feature) => (
              <article key={feature.name} class="item card" data-feature={feature.name}>
                <div class="item-main">
                  <strong>{feature.name}</strong>
                  <p class="muted small">
                    Routes:{' '}
                    {feature.routes
                      .map(({ service, route }) => `${service || 'any service'} ${route || 'any route'}`)
                      .join(', ') || 'none'}
                  </p>
                  <p class="muted small">Paid by plans: {feature.plans.join(', ') || 'none'}</p>
                </div>
                <div class="item-actions">
                  <button
                    type="button"
                    class="button small"
                    aria-label={`Edit ${feature.name}`}
                    onClick={() => setEditing(feature)}
                  >
                    Edit
                  </button>
                  <AskButton
                    label="Delete …"
                    about={feature.name}
                    title={`Delete ${feature.name}?`}
                    action="Delete"
                    danger
                    class="button small danger-quiet"
                    onConfirm={() => setFeatures(items.filter((one) => one !== feature))}
                    onDone={live.refresh}
                  >
                    <p>Its routes and plans count for the next feature that fits, or for none.</p>
                  </AskButton>
                </div>
              </article>
            ))}
            {editing !== undefined && (
              <FeatureForm
                feature={editing === 'new' ? undefined : editing}
                all={items}
                onClose={() => setEditing(undefined)}
                onSaved={() => {
                  setEditing(undefined);
                  live.refresh();
                }}
              />
            )}
          </section>
        )}
      </Loaded>
    </>
  );
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** "shop | GET /search"; a side that is empty stands for any. */
function routeOf(line: string): Feature['routes'][number] {
  const [service = '', ...route] = line.split('|');
  return { service: service.trim(), route: route.join('|').trim() };
}

function FeatureForm(props: {
  feature: Feature | undefined;
  all: readonly Feature[];
  onClose: () => void;
  onSaved: () => void;
}) {
  const { feature, all } = props;
  const form = useForm({
    initial: {
      name: feature?.name ?? '',
      routes: feature?.routes.map(({ service, route }) => `${service} | ${route}`).join('\n') ?? '',
      plans: feature?.plans.join('\n') ?? '',
    },
    check: ({ name }): Record<string, string> => (name.trim() === '' ? { name: 'Give it a name.' } : {}),
    send: ({ name, routes, plans }) => {
      const made = { name: name.trim(), routes: linesOf(routes).map(routeOf), plans: linesOf(plans) };
      return setFeatures(feature === undefined ? [...all, made] : all.map((one) => (one === feature ? made : one)));
    },
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={feature === undefined ? 'New feature' : feature.name}
      submitLabel="Save"
      testId="feature-dialog"
      onCancel={props.onClose}
    >
      <TextField field={form.field('name')} label="Name" placeholder="Search" maxLength={64} />
      <AreaField
        field={form.field('routes')}
        label="Routes"
        rows={3}
        mono
        placeholder={'shop | GET /search'}
        hint="One a line: service | route. An empty side stands for any."
      />
      <AreaField field={form.field('plans')} label="Plans that pay for it" rows={2} mono hint="One a line" />
    </FormDialog>
  );
}
