import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

export interface ProgressState {
  readonly done: number;
  /** Undefined while it is not known. */
  readonly total: number | undefined;
  readonly text: string;
}

/** Reports long work on stderr. */
export interface Progress {
  update(state: ProgressState): void;
  /** Leaves the screen ready for the next line. */
  end(): void;
}

const barWidth = 30;

/** A bar that is redrawn in place on a terminal; elsewhere one plain line whenever the text to tell has changed. */
export function createProgress(terminal: Pick<Terminal, 'stderr' | 'canRedraw' | 'columns'>): Progress {
  return terminal.canRedraw ? createBar(terminal) : createPlainLines(terminal);
}

export function renderBar({ done, total, text }: ProgressState, columns: number): string {
  const share = total === undefined || total === 0 ? 0 : Math.min(1, done / total);
  const filled = Math.round(share * barWidth);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`;
  return `${bar} ${renderShare({ done, total })} ${printable(text)}`.slice(0, Math.max(1, columns - 1));
}

function createBar({ stderr, columns }: Pick<Terminal, 'stderr' | 'columns'>): Progress {
  let isDrawn = false;
  return {
    update(state) {
      stderr.write(`\r\x1b[2K${renderBar(state, columns)}`);
      isDrawn = true;
    },
    end() {
      if (isDrawn) stderr.write('\n');
      isDrawn = false;
    },
  };
}

function createPlainLines({ stderr }: Pick<Terminal, 'stderr'>): Progress {
  let last = '';
  return {
    update(state) {
      const line = `${renderShare(state)} ${printable(state.text)}`;
      if (line !== last) stderr.write(`${line}\n`);
      last = line;
    },
    end() {},
  };
}

function renderShare({ done, total }: Pick<ProgressState, 'done' | 'total'>): string {
  return total === undefined ? `${done}` : `${done}/${total}`;
}
