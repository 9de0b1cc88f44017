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

/** What stands for every topic with the same first level. */
export function firstLevelPattern(pattern: string): string {
  const slash = pattern.indexOf('/');
  const first = slash < 0 ? pattern : pattern.slice(0, slash);
  return first === '#' ? '#' : `${first}/#`;
}

function maskName(levels: string[], name: readonly string[]): void {
  for (let at = 0; at + name.length <= levels.length; at += 1) {
    if (name.every((level, index) => levels[at + index] === level)) levels.fill('+', at, at + name.length);
  }
}
