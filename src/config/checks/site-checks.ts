import type { Finding } from '../configuration-mistake.ts';
import type { Cursor } from '../cursor.ts';

export function checkSites(root: Cursor): readonly Finding[] {
  return root.at('sites').items.flatMap((site) => {
    const probe = site.at('probe');
    if (!probe.isPresent || probe.has('tcp') || probe.has('tls') || probe.has('mqtt')) return [];
    return [probe.finding('expected at least one of tcp, tls, mqtt (a port), got none')];
  });
}
