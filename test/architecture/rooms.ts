/**
 * The house, as docs/ARCHITECTURE.md draws it: what each room may use besides itself. Rooms that are not built yet
 * stand here too. Whoever adds an arrow changes the drawing as well.
 */
export const roomsUsedBy: Readonly<Record<string, readonly string[]>> = {
  cli: ['app', 'admin', 'demo', 'emulator', 'aws', 'config', 'plan', 'base'],
  demo: [
    'app',
    'emulator',
    'admin',
    'gateway',
    'session',
    'health',
    'nameserver',
    'bridge',
    'rollout',
    'aws',
    'plan',
    'mqtt',
    'dns',
    'tls',
    'config',
    'telemetry',
    'base',
  ],
  emulator: ['mqtt', 'tls', 'telemetry', 'base'],
  app: [
    'admin',
    'gateway',
    'session',
    'health',
    'nameserver',
    'bridge',
    'rollout',
    'aws',
    'plan',
    'mqtt',
    'dns',
    'tls',
    'config',
    'telemetry',
    'base',
  ],
  admin: ['plan', 'telemetry', 'base'],
  gateway: ['session', 'mqtt', 'plan', 'tls', 'telemetry', 'base'],
  session: ['mqtt', 'plan', 'base'],
  health: ['mqtt', 'tls', 'telemetry', 'base'],
  nameserver: ['dns', 'plan', 'telemetry', 'base'],
  bridge: ['mqtt', 'plan', 'tls', 'telemetry', 'base'],
  rollout: ['plan', 'telemetry', 'base'],
  aws: ['tls', 'plan', 'telemetry', 'base'],
  plan: ['base'],
  mqtt: ['base'],
  dns: ['plan', 'base'],
  tls: ['base'],
  config: ['aws', 'plan', 'mqtt', 'dns', 'tls', 'base'],
  telemetry: ['base'],
  base: [],
};

/** Rooms of machines: no socket, timer, clock, randomness, environment or file. */
const pureRooms: readonly string[] = ['mqtt', 'plan', 'dns'];
/** A folder in a pure room that may do what a shell may; what is pure may not use it in turn. */
const shellFolders: readonly string[] = ['plan/store'];
/** A folder in a shell's room that holds its machines. */
const pureFolders: readonly string[] = ['bridge/link', 'bridge/division', 'bridge/services'];

/** `src/plan/store/plan-store.ts` → `plan`; undefined for a file that stands in no room. */
export function roomOf(file: string): string | undefined {
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

export function isPure(file: string): boolean {
  const isMachine = pureRooms.includes(roomOf(file) ?? '') || isIn(pureFolders, file);
  return isMachine && !isInShellFolder(file);
}

export function isInShellFolder(file: string): boolean {
  return isIn(shellFolders, file);
}

/** A shell that stands in the same room as machines. */
export function isShellBeside(file: string): boolean {
  return !isPure(file) && pureFolders.some((folder) => roomOf(`src/${folder}/`) === roomOf(file));
}

function isIn(folders: readonly string[], file: string): boolean {
  return folders.some((folder) => file.startsWith(`src/${folder}/`));
}
