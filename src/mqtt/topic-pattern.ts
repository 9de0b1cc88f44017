/** How a device uses topics. */
export type TopicUse = 'publish' | 'subscribe';

/**
 * The topic, or filter, with `+` for every run of levels that is one of the names: what devices that differ in their names
 * alone have in common. It matches whatever the topic matches.
 */
export function topicPattern(topic: string, names: readonly string[]): string {
  if (!names.some((name) => name !== '' && topic.includes(name))) return topic;
  const levels = topic.split('/');
  for (const name of names) {
    if (name !== '') maskName(levels, name.split('/'));
  }
  return levels.join('/');
}

/** What a pattern may have at most, so that a device with long topics costs no more than others. */
export const patternBounds = { characters: 512, levels: 32 };

/** The pattern, or where it is too long its beginning with `#` behind it: it matches whatever the pattern matches. */
export function boundedPattern(pattern: string): string {
  const { characters, levels } = patternBounds;
  if (pattern.length <= characters && slashesOf(pattern) < levels) return pattern;
  const kept: string[] = [];
  let length = 1;
  for (const level of pattern.split('/', levels - 1)) {
    length += level.length + 1;
    if (length > characters) break;
    kept.push(level);
  }
  return [...kept, '#'].join('/');
}

/** What stands for every topic with the same first level. */
export function firstLevelPattern(pattern: string): string {
  const slash = pattern.indexOf('/');
  const first = slash < 0 ? pattern : pattern.slice(0, slash);
  return first === '#' ? '#' : `${first}/#`;
}

function slashesOf(pattern: string): number {
  let slashes = 0;
  for (let at = pattern.indexOf('/'); at >= 0; at = pattern.indexOf('/', at + 1)) slashes += 1;
  return slashes;
}

function maskName(levels: string[], name: readonly string[]): void {
  for (let at = 0; at + name.length <= levels.length; at += 1) {
    if (name.every((level, index) => levels[at + index] === level)) levels.fill('+', at, at + name.length);
  }
}
