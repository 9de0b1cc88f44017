import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A question as the programs take it. */
export interface ProgramQuestion {
  readonly name: string;
  readonly type: string;
}

/** A client whose output for the same answer is the same. */
export interface ClientProgram {
  readonly name: string;
  /** Questions that one run takes. */
  readonly atOnce: number;
  arguments(port: number, transport: 'udp' | 'tcp', questions: readonly ProgramQuestion[]): readonly string[];
  /** Its words for one answer begin with a line that this matches. */
  readonly beginning: RegExp;
  /** Lines that are not about the answer, or differ from one run to the next. */
  readonly dropped: RegExp;
}

/** dig does not retry with a cookie of its own, and asks once. */
const digOptions = ['+norec', '+nocookie', '+nocmd', '+tries=1', '+time=5', '+ignore', '+nostats', '+qid=4660'];
const kdigOptions = ['+norec', '+retry=0', '+time=5', '+ignore', '+nostats', '+edns=0', '+generic'];

export const clientPrograms: readonly ClientProgram[] = [
  {
    name: 'dig',
    atOnce: 100,
    arguments: (port, transport, questions) => [
      '@127.0.0.1',
      '-p',
      String(port),
      ...digOptions,
      transport === 'tcp' ? '+tcp' : '+notcp',
      ...questions.flatMap(({ name, type }) => ['-q', name, '-t', type]),
    ],
    beginning: /^;; ->>HEADER<<-/,
    dropped: /^(;; global options|;; Got answer|; <<>>|; \(1 server|$)/,
  },
  {
    name: 'kdig',
    atOnce: 100,
    arguments: (port, transport, questions) => [
      '@127.0.0.1',
      '-p',
      String(port),
      ...kdigOptions,
      transport === 'tcp' ? '+tcp' : '+notcp',
      ...questions.flatMap(({ name, type }) => ['-q', name, '-t', type]),
    ],
    beginning: /^;; ->>HEADER<<-/,
    dropped: /^$/,
  },
  {
    name: 'drill',
    atOnce: 1,
    arguments: (port, transport, [question]) => [
      ...(transport === 'tcp' ? ['-t'] : ['-u']),
      '-p',
      String(port),
      '-o',
      'rd',
      question?.name ?? '',
      '@127.0.0.1',
      question?.type ?? '',
    ],
    beginning: /^;; ->>HEADER<<-/,
    dropped: /^(;; (Query time|SERVER|WHEN|MSG SIZE)|$)/,
  },
];

/** What the program prints about each question, in their order; records of a section are sorted, IDs left out. */
export async function runProgram(
  program: ClientProgram,
  port: number,
  transport: 'udp' | 'tcp',
  questions: readonly ProgramQuestion[],
): Promise<readonly string[]> {
  const parts = Array.from({ length: Math.ceil(questions.length / program.atOnce) }, (_, index) =>
    questions.slice(index * program.atOnce, (index + 1) * program.atOnce),
  );
  const answers: (readonly string[])[] = [];
  for (let from = 0; from < parts.length; from += processesAtOnce) {
    const some = parts.slice(from, from + processesAtOnce);
    answers.push(...(await Promise.all(some.map((part) => runOnce(program, port, transport, part)))));
  }
  return answers.flat();
}

const processesAtOnce = 8;

async function runOnce(
  program: ClientProgram,
  port: number,
  transport: 'udp' | 'tcp',
  questions: readonly ProgramQuestion[],
): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(program.name, [...program.arguments(port, transport, questions)], {
    encoding: 'latin1',
    maxBuffer: 64 * 1_048_576,
  });
  const printed = blocks(stdout, program);
  if (printed.length !== questions.length) throw new Error(`${program.name} printed other than asked:\n${stdout}`);
  return printed;
}

function blocks(text: string, { beginning, dropped }: ClientProgram): readonly string[] {
  const all: string[][] = [];
  for (const line of text.split('\n')) {
    if (beginning.test(line)) all.push([]);
    if (!dropped.test(line)) all.at(-1)?.push(line.replace(/\bid: \d+/, 'id'));
  }
  return all.map((lines) => sortedRecords(lines).join('\n'));
}

/** Lines of records between two headings are sorted: a set has no order. */
function sortedRecords(lines: readonly string[]): readonly string[] {
  const sorted: string[] = [];
  let records: string[] = [];
  for (const line of [...lines, ';']) {
    if (!line.startsWith(';')) {
      records.push(line);
      continue;
    }
    sorted.push(...records.sort(), line);
    records = [];
  }
  return sorted.slice(0, -1);
}
