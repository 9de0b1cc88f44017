import type { StatusDocument } from '../admin/admin-api.ts';
import { renderWeight } from '../plan/weight.ts';
import { printable } from './printable.ts';

/** A line a cohort with live sessions that a new plan leaves where they are, each with the command that moves them. */
export function renderStaying({ cohorts, frozen }: Pick<StatusDocument, 'cohorts' | 'frozen'>): string {
  return cohorts
    .filter(({ sessions }) => sessions.moving > 0)
    .map(({ name, weightBps, sessions: { moving } }) => {
      const [verb, option] = frozen ? ['rollback', '--to'] : ['cutover', '--weight'];
      const command = `crossfade ${verb} ${quoted(name)} ${option} ${renderWeight(weightBps)}`;
      const stay = moving === 1 ? '1 live session stays where it is' : `${moving} live sessions stay where they are`;
      return `${printable(name)}: ${stay}, "${printable(command)}" moves what can move\n`;
    })
    .join('');
}

/** As a shell takes it. */
function quoted(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
