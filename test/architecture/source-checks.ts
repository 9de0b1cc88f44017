import { posix } from 'node:path';
import { isInShellFolder, isPure, isShellBeside, roomOf, roomsUsedBy } from './rooms.ts';
import { codeOf, importsOf } from './source-text.ts';

/** Source text by path from the checkout's root, for example `src/plan/plan.ts`. */
export type Sources = ReadonlyMap<string, string>;

const maxLines = 350;
const forbiddenNames = ['utils', 'util', 'helpers', 'helper', 'common', 'manager', 'misc', 'types', 'index'];
const builtinsOfMachines = ['node:buffer', 'node:crypto', 'node:util', 'node:string_decoder'];
/** What of node:crypto gives the same answer every time. */
const pureCrypto = ['hash', 'createHash', 'timingSafeEqual'];
const effectsOfMachines: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.|\bhrtime\b|\bsystemClock\b/, 'a clock: time is an argument'],
  [/\bMath\.random\b|\brandom(?:Bytes|UUID|Int|FillSync)\b|\bgetRandomValues\b/, 'randomness: it is an argument'],
  [/\b(?:set|clear)(?:Timeout|Interval|Immediate)\b/, 'a timer: a deadline is an effect'],
  [/(?<![.\w])process\s*[.[]|\bglobalThis\b/, 'the process and its environment'],
  [/(?<![.\w])(?:fetch|WebSocket|EventSource|BroadcastChannel)\s*\(/, 'a socket'],
];

/** Every arrow that the table of rooms does not have, and every file outside a room. */
export function arrowMistakes(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const room = roomOf(file);
    const allowed = room === undefined ? undefined : roomsUsedBy[room];
    if (room === undefined || allowed === undefined) return [`${file}: expected a file in a room of the house`];
    return localImports(file, source).flatMap((imported) => {
      const other = roomOf(imported);
      if (imported === 'package.json') return [];
      if (!imported.startsWith('src/')) return [`${file}: imports ${imported}, which is outside src`];
      const isShell = isInShellFolder(imported) || isShellBeside(imported);
      if (isPure(file) && isShell) return [`${file}: a machine imports the shell ${imported}`];
      if (other === room || (other !== undefined && allowed.includes(other))) return [];
      return [`${file}: ${room} may not use ${other} (${imported})`];
    });
  });
}

/** Every import cycle once, types included, as `a → b → a`. */
export function cycleMistakes(sources: Sources): string[] {
  const finished = new Set<string>();
  const mistakes: string[] = [];
  function visit(file: string, trail: readonly string[]): void {
    const start = trail.indexOf(file);
    if (start >= 0) mistakes.push([...trail.slice(start), file].join(' → '));
    if (start >= 0 || finished.has(file)) return;
    for (const imported of localImports(file, sources.get(file) ?? '')) visit(imported, [...trail, file]);
    finished.add(file);
  }
  for (const file of sources.keys()) visit(file, []);
  return mistakes;
}

/** The table itself must not go in a circle. */
export function tableMistakes(table: Readonly<Record<string, readonly string[]>>): string[] {
  const sources = Object.entries(table).map(([room, used]) => {
    const text = used.map((other) => `import '../${other}/room.ts';`).join('\n');
    return [`src/${room}/room.ts`, text] as const;
  });
  return cycleMistakes(new Map(sources));
}

/** Machines (`mqtt/`, `plan/` without its store, `dns/`) that touch the world. */
export function purityMistakes(sources: Sources): string[] {
  return [...sources]
    .filter(([file]) => isPure(file))
    .flatMap(([file, source]) => [...builtinMistakes(file, source), ...effectMistakes(file, source)]);
}

export function namingMistakes(files: Iterable<string>): string[] {
  return [...files].flatMap((file) => {
    const segments = file.split('/').slice(1);
    const words = segments.flatMap((segment) => segment.replace(/(?:\.d)?\.ts$/, '').split('-'));
    const isKebab = segments.every((segment) => /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.ts)?$/.test(segment));
    const forbidden = words.find((word) => forbiddenNames.includes(word));
    if (!isKebab) return [`${file}: expected a name in kebab-case`];
    return forbidden === undefined ? [] : [`${file}: expected a name that says what it owns, got ${forbidden}`];
  });
}

export function lengthMistakes(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const lines = source.trimEnd().split('\n').length;
    return lines <= maxLines ? [] : [`${file}: expected at most ${maxLines} lines, got ${lines}: split it by concept`];
  });
}

function localImports(file: string, source: string): readonly string[] {
  return importsOf(source)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => posix.join(posix.dirname(file), specifier));
}

function builtinMistakes(file: string, source: string): string[] {
  return importsOf(source)
    .filter(({ specifier }) => specifier.startsWith('node:'))
    .flatMap(({ specifier, clause }) => {
      if (!builtinsOfMachines.includes(specifier)) return [`${file}: a machine imports ${specifier}`];
      if (specifier !== 'node:crypto') return [];
      const names = (clause.match(/\{([^}]*)\}/)?.[1] ?? '*').split(',').map((name) => name.trim());
      return names
        .filter((name) => name !== '' && !name.startsWith('type ') && !pureCrypto.includes(name))
        .map((name) => `${file}: a machine imports ${name} of node:crypto`);
    });
}

function effectMistakes(file: string, source: string): string[] {
  return codeOf(source)
    .split('\n')
    .flatMap((line, index) =>
      effectsOfMachines
        .filter(([effect]) => effect.test(line))
        .map(([, what]) => `${file}:${index + 1}: a machine uses ${what}`),
    );
}
