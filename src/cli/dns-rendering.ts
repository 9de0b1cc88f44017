import type { DnsTraceDocument, SiteStatus, SplitDocument, SplitForecast } from '../admin/nameserver-documents.ts';
import { renderWeight } from '../plan/weight.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** The answer alone. */
export function renderAnswer({ rcode, answer, authority, scope }: DnsTraceDocument, style: Style): string {
  const records = [...answer, ...authority].map((record) => `${printable(record)}\n`);
  return [`${style.heading('rcode')}  ${rcode}  ${style.heading('scope')}  /${scope}\n`, ...records].join('');
}

/** Steps, then the answer, then what other weights would do. */
export function renderTrace(document: DnsTraceDocument, style: Style): string {
  const width = Math.max(...document.steps.map(({ step }) => step.length));
  const steps = document.steps.map(({ step, text }) => `${style.heading(step.padEnd(width))}  ${printable(text)}\n`);
  const forecast = document.forecast === null ? '' : `\n${renderShares(document.forecast, style)}`;
  return `${printable(document.name)} ${document.type}\n${steps.join('')}\n${renderAnswer(document, style)}${forecast}`;
}

/** What a change of shares did, or would do. */
export function renderForecast({ revision, dryRun, forecast }: SplitDocument, style: Style): string {
  const title = dryRun ? `would change, revision ${revision} stands` : `revision ${revision}`;
  return `${style.heading(printable(forecast.split))}  ${title}\n${renderShares(forecast, style)}`;
}

export function renderSiteLine({ name, health, drained, forced, addresses }: SiteStatus): string {
  const words = [health, ...(forced === null ? [] : ['forced']), ...(drained ? ['drained'] : [])];
  return printable(`${name}: ${words.join(', ')} (${addresses.join(' ')})`);
}

function renderShares({ weights, newWeights, networks, resolvers }: SplitForecast, style: Style): string {
  const parts = Object.keys(newWeights).map((part) => {
    const [now, then] = [weights[part] ?? 0, newWeights[part] ?? 0];
    return printable(
      now === then ? `${part} ${renderWeight(now)}` : `${part} ${renderWeight(now)} -> ${renderWeight(then)}`,
    );
  });
  return [
    `${style.heading('shares   ')}  ${parts.join(', ')}\n`,
    `${style.heading('networks ')}  ${networks.changing} of ${networks.seen} seen change sides\n`,
    `${style.heading('resolvers')}  ${resolvers.changing} of ${resolvers.seen} seen change sides\n`,
  ].join('');
}
