import type { Finding } from '../configuration-mistake.ts';
import { renderPath } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

/** What must stand once: names, token values, bind addresses. */
export function checkNamesAreUnique(root: Cursor): readonly Finding[] {
  const named = (items: readonly Cursor[]) => items.map((item) => item.at('name'));
  const zones = root.at('nameserver', 'zones').items;
  const tokens = root.at('admin', 'tokens').items;
  const listeners = root.at('listeners').items;
  const services = root.at('services').items;
  return [
    ...repeated(named(listeners), 'a listener name'),
    ...repeated(named(root.at('plan', 'cohorts').items), 'a cohort name'),
    ...repeated(named(root.at('plan', 'splits').items), 'a split name'),
    ...repeated(named(tokens), 'a token name'),
    ...repeated(named(root.at('sites').items), 'a site name'),
    ...repeated(named(root.at('bridge', 'rules').items), 'a rule name'),
    ...repeated(named(services), 'a service name'),
    ...services.flatMap((service) => repeated(service.at('instances').items, 'an instance')),
    ...repeated(
      services.map((service) => service.at('rule')),
      'the rule of a service',
    ),
    ...repeated(root.at('fleet', 'identity').items, 'an identity'),
    ...repeated(
      zones.map((zone) => zone.at('origin')),
      'a zone origin',
    ),
    ...zones.flatMap((zone) =>
      repeated(
        zone.at('steering').items.map((steering) => steering.at('owner')),
        'an owner',
      ),
    ),
    ...repeated([...tokens.map((token) => token.at('token')), root.at('admin', 'metricsToken')], 'a token value'),
    ...repeated([...listeners, root.at('admin')].map((part) => part.at('bind')).filter(hasFixedPort), 'a bind address'),
    ...repeatedOverrides(root),
  ];
}

function repeated(values: readonly Cursor[], what: string): readonly Finding[] {
  const firstByText = new Map<string, Cursor>();
  return values.flatMap((value) => {
    if (value.text === undefined) return [];
    const first = firstByText.get(value.text);
    if (first !== undefined) {
      return [
        value.finding(
          `expected ${what} that is used once, got ${value.shown} again (first at ${renderPath(first.path)})`,
        ),
      ];
    }
    firstByText.set(value.text, value);
    return [];
  });
}

function hasFixedPort(bind: Cursor): boolean {
  return bind.text?.endsWith(':0') === false;
}

function repeatedOverrides(root: Cursor): readonly Finding[] {
  const seen = new Set<string>();
  return root.at('plan', 'overrides').items.flatMap((override) => {
    const { text: kind } = override.at('kind');
    const { text: key } = override.at('key');
    if (kind === undefined || key === undefined) return [];
    const identity = `${kind} ${key}`;
    if (!seen.has(identity)) {
      seen.add(identity);
      return [];
    }
    return [override.at('key').unexpected(`one override for a ${kind}`)];
  });
}
