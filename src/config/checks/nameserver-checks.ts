import { type IdentityName, kindByIdentityName } from '../../plan/device-key.ts';
import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

/** What steering says must agree with the fleet, the plan's splits and the sites. */
export function checkNameserver(root: Cursor): readonly Finding[] {
  const zones = root.at('nameserver', 'zones').items;
  const steered = zones.flatMap(steeredNames);
  return zones
    .flatMap((zone) => zone.at('steering').items)
    .flatMap((steering) => [
      ...(steering.at('by').text === 'cohort'
        ? [...checkLabel(steering.at('label'), root.at('fleet', 'identity', 0)), ...checkWildcard(steering.at('owner'))]
        : checkSplitSteering(steering, root)),
      ...aliasesOf(steering).flatMap((alias) => checkAlias(alias, steered)),
    ]);
}

/** Absolute, in lower case, without a dot at the end; a leftmost `*` stands for one or more labels. */
function steeredNames(zone: Cursor): readonly string[] {
  const origin = nameOf(zone.at('origin'));
  const owners = zone.at('steering').items.map((steering) => nameOf(steering.at('owner')));
  return owners.flatMap((owner) => {
    if (origin === undefined || owner === undefined) return [];
    return [owner === '@' ? origin : `${owner}.${origin}`];
  });
}

function aliasesOf(steering: Cursor): readonly Cursor[] {
  const parts = steering.at('parts').entries.map(([, part]) => part);
  return [...parts, steering.at('source'), steering.at('target')].map((target) => target.at('alias'));
}

/** What is answered with the addresses of a steered name would, in the end, be answered with itself. */
function checkAlias(alias: Cursor, steered: readonly string[]): readonly Finding[] {
  const name = nameOf(alias);
  const circle = steered.find((owner) => name !== undefined && (owner === name || isBelowWildcard(name, owner)));
  if (circle === undefined) return [];
  return [alias.unexpected(`a name whose addresses come from elsewhere: ${circle} is steered here`)];
}

function isBelowWildcard(name: string, owner: string): boolean {
  return owner.startsWith('*.') && name.endsWith(owner.slice(1));
}

function nameOf({ text }: Cursor): string | undefined {
  return text?.toLowerCase().replace(/\.$/, '');
}

/** The device's own name is its key, so the label is the kind that it is hashed by first. */
function checkLabel(label: Cursor, first: Cursor): readonly Finding[] {
  if (label.text === undefined || first.text === undefined || !Object.hasOwn(kindByIdentityName, first.text)) return [];
  const kind = kindByIdentityName[first.text as IdentityName];
  return label.text === kind ? [] : [label.unexpected(`${kind}, the first of fleet.identity (${first.text})`)];
}

/** What stands in the place of the `*` is the device. */
function checkWildcard(owner: Cursor): readonly Finding[] {
  if (owner.text === undefined || owner.text === '*' || owner.text.startsWith('*.')) return [];
  return [owner.unexpected('"*" or "*.label": each device has a name of its own')];
}

function checkSplitSteering(steering: Cursor, root: Cursor): readonly Finding[] {
  const parts = steering.at('parts');
  const siteNames = root.at('sites').items.map((site) => site.at('name').text);
  const partFindings = parts.entries.flatMap(([, part]) => [
    ...part
      .at('sites')
      .items.filter((site) => site.text !== undefined && !siteNames.includes(site.text))
      .map((site) => site.unexpected('the name of a site')),
    ...checkBypass(part, parts),
  ]);
  // The order of the parts decides who gets which; whole numbers come first in it, wherever they were written.
  const numbers = parts.entries
    .filter(([name]) => /^\d+$/.test(name))
    .map(([name, part]) => ({
      ...part.finding(`expected a name of a part that is no number, got ${JSON.stringify(name)}`),
      atKey: true,
    }));
  const none = parts.isPresent && typeof parts.value === 'object' && parts.entries.length === 0;
  return [
    ...(none ? [parts.finding('expected at least one part, got none')] : []),
    ...numbers,
    ...partFindings,
    ...checkSplitParts(steering.at('split').text, parts, root),
  ];
}

/** `allDown: bypass` answers with the part of that name. */
function checkBypass(part: Cursor, parts: Cursor): readonly Finding[] {
  if (!part.has('sites') || (part.at('allDown').text ?? 'bypass') !== 'bypass') return [];
  if (parts.at('bypass').has('sites')) {
    return [
      part.finding('expected a part named bypass with addresses or an alias (or allDown: answer-all), got sites'),
    ];
  }
  if (parts.has('bypass')) return [];
  return [part.finding('expected a part named bypass beside it (or allDown: answer-all), got none')];
}

function checkSplitParts(name: string | undefined, parts: Cursor, root: Cursor): readonly Finding[] {
  const split = root.at('plan', 'splits').items.find((candidate) => candidate.at('name').text === name);
  if (name === undefined || split === undefined || parts.entries.length === 0) return [];
  const known = parts.entries.map(([part]) => part);
  return split
    .at('weights')
    .entries.filter(([part]) => !known.includes(part))
    .map(([part, weight]) => ({
      ...weight.finding(`expected a part of the steering (${known.join(', ')}), got ${JSON.stringify(part)}`),
      atKey: true,
    }));
}
