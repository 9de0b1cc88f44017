import type { ProtocolVersion } from './control-packet.ts';

const sharePrefix = '$share/';

/** What is wrong with a topic name, that of a will included; undefined when nothing is. */
export function topicNameFault(topic: string): string | undefined {
  if (topic === '') return 'the topic name is empty'; // [MQTT-4.7.3-1]
  if (topic.includes('+') || topic.includes('#')) return 'the topic name has a wildcard'; // [MQTT-3.3.2-2]
  if (topic.includes('\0')) return 'the topic name contains U+0000'; // [MQTT-4.7.3-2]
  return undefined;
}

/**
 * What is wrong with a topic filter. `$share/` begins a shared subscription for devices of every version: MQTT 5 defines
 * it, and brokers read it before MQTT 5 as well; there, what only looks like one is an ordinary filter.
 */
export function topicFilterFault(filter: string, protocol: ProtocolVersion = '5'): string | undefined {
  if (filter.includes('\0')) return 'the topic filter contains U+0000'; // [MQTT-4.7.3-2]
  if (!filter.startsWith(sharePrefix)) return plainFilterFault(filter);
  const fault = sharedFilterFault(filter);
  return protocol === '5' ? fault : fault && plainFilterFault(filter);
}

function sharedFilterFault(filter: string): string | undefined {
  const nameEnd = filter.indexOf('/', sharePrefix.length);
  if (nameEnd < 0) return 'the shared subscription has no topic filter'; // [MQTT-4.8.2-2]
  const name = filter.slice(sharePrefix.length, nameEnd);
  if (name === '') return 'the share name is empty'; // [MQTT-4.8.2-1]
  if (name.includes('+') || name.includes('#')) return 'the share name has a wildcard'; // [MQTT-4.8.2-2]
  return plainFilterFault(filter.slice(nameEnd + 1));
}

export interface ParsedFilter {
  readonly shareName: string | undefined;
  /** Without `$share/name/`. */
  readonly filter: string;
  readonly hasWildcard: boolean;
  /** In `filter`; its levels are one more. */
  readonly slashes: number;
}

/** Takes apart a filter that `topicFilterFault` found nothing in. */
export function parseTopicFilter(text: string): ParsedFilter {
  const isShared = text.startsWith(sharePrefix) && sharedFilterFault(text) === undefined;
  const nameEnd = isShared ? text.indexOf('/', sharePrefix.length) : -1;
  const filter = nameEnd < 0 ? text : text.slice(nameEnd + 1);
  return {
    shareName: nameEnd < 0 ? undefined : text.slice(sharePrefix.length, nameEnd),
    filter,
    hasWildcard: filter.includes('+') || filter.endsWith('#'),
    slashes: slashesOf(filter),
  };
}

/** Whether a filter without share prefix matches a topic name. Reads both once, level by level, and allocates nothing. */
export function matchesTopicFilter(filter: string, topic: string): boolean {
  const isWild = filter.startsWith('+') || filter.startsWith('#');
  if (isWild && topic.startsWith('$')) return false; // [MQTT-4.7.2-1]
  let inFilter = 0;
  let inTopic = 0;
  while (inFilter < filter.length) {
    if (filter[inFilter] === '#') return true;
    if (filter[inFilter] === '+') {
      inFilter += 1;
      while (inTopic < topic.length && topic[inTopic] !== '/') inTopic += 1;
    } else if (inTopic < topic.length && filter[inFilter] === topic[inTopic]) {
      inFilter += 1;
      inTopic += 1;
    } else {
      // `a/#` also matches `a` [MQTT-4.7.1-2].
      return inTopic === topic.length && inFilter + 2 === filter.length && filter.endsWith('/#');
    }
  }
  return inTopic === topic.length;
}

function plainFilterFault(filter: string): string | undefined {
  if (filter === '') return 'the topic filter is empty'; // [MQTT-4.7.3-1]
  for (let at = 0; at < filter.length; at += 1) {
    const character = filter[at];
    if (character !== '+' && character !== '#') continue;
    if (at > 0 && filter[at - 1] !== '/') return `${character} does not fill its level`; // [MQTT-4.7.1-1, -2]
    if (character === '#' && at + 1 < filter.length) return '# is not the last level'; // [MQTT-4.7.1-1]
    if (character === '+' && at + 1 < filter.length && filter[at + 1] !== '/') return '+ does not fill its level';
  }
  return undefined;
}

function slashesOf(text: string): number {
  let slashes = 0;
  for (let at = text.indexOf('/'); at >= 0; at = text.indexOf('/', at + 1)) slashes += 1;
  return slashes;
}
