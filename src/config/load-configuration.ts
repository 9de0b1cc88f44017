import { dirname, resolve } from 'node:path';
import { failure, type Result, success } from '../base/result.ts';
import { checkAdmin } from './checks/admin-checks.ts';
import { checkAws } from './checks/aws-checks.ts';
import { checkBridge } from './checks/bridge-checks.ts';
import { checkBrokers } from './checks/broker-checks.ts';
import { checkFiles, type NamedFiles } from './checks/file-checks.ts';
import { checkListeners } from './checks/listener-checks.ts';
import { checkNamesAreUnique } from './checks/name-checks.ts';
import { checkNameserver } from './checks/nameserver-checks.ts';
import { checkPlan } from './checks/plan-checks.ts';
import { checkServices } from './checks/service-checks.ts';
import { checkSites } from './checks/site-checks.ts';
import type { Configuration } from './configuration.ts';
import { ConfigurationDocument, type DocumentMistake, type Position } from './configuration-document.ts';
import {
  type ConfigurationMistake,
  type ConfigurationPath,
  describeValue,
  type Finding,
  renderPath,
} from './configuration-mistake.ts';
import { type ConfigurationSource, readText } from './configuration-source.ts';
import { configurationWarnings } from './configuration-warnings.ts';
import { Cursor } from './cursor.ts';
import { fileBounds } from './file-bounds.ts';
import { resolveConfiguration } from './resolve-configuration.ts';
import { judgeBySchema, type SchemaJudgement } from './schema-findings.ts';
import { isSecret } from './secrets.ts';
import type { SubstitutionValues } from './substitution.ts';
import { zoneFindings } from './zone-findings.ts';

export interface LoadedConfiguration {
  readonly configuration: Configuration;
  /** One sentence each, for the operator: nothing is wrong, something may surprise. */
  readonly warnings: readonly string[];
  /** Of zone files, `FILE:LINE: text`: whoever serves the zones tells them then. */
  readonly zoneWarnings: readonly string[];
}

/**
 * Reads and judges a configuration file whole: either a configuration that can be run, or every mistake in it.
 * Binds nothing, writes nothing. A file whose YAML is broken has only its syntax mistakes.
 */
export function loadConfiguration(
  path: string,
  source: ConfigurationSource,
): Result<LoadedConfiguration, readonly ConfigurationMistake[]> {
  const absolute = (named: string) => resolve(dirname(path), named);
  const text = readText(source, resolve(path), fileBounds.configurationBytes);
  if (!text.ok)
    return failure([mistakeAt(path, { line: 1, column: 1, message: `expected a readable file: ${text.error}` })]);
  const document = ConfigurationDocument.parse(text.value);
  if (!document.ok) return failure(document.error.map((mistake) => mistakeAt(path, mistake)));
  const unsubstituted = document.value.substitute(substitutionValues(source, absolute));
  const value = document.value.value();
  if (!value.ok) return failure([mistakeAt(path, value.error)]);
  const files = namedFiles(source, absolute);
  const { parsed, findings } = judge(document.value, value.value, files);
  const mistakes = [
    ...unsubstituted.map((mistake) => mistakeAt(path, mistake)),
    // What could not be substituted is wrong once, whatever else its text is.
    ...locate(findings, document.value, path).filter((mistake) => !unsubstituted.some((at) => isAt(mistake, at))),
  ];
  if (parsed === undefined || mistakes.length > 0) return failure(inOrder(mistakes));
  const configuration = resolveConfiguration(parsed, { absolute, cores: source.cores });
  const zones = zoneFindings(configuration, source);
  const zoneMistakes = locate(zones.mistakes, document.value, path);
  if (zoneMistakes.length > 0) return failure(zoneMistakes);
  const warnings = configurationWarnings(configuration, source);
  return success({ configuration, warnings, zoneWarnings: zones.warnings });
}

function judge(document: ConfigurationDocument, value: unknown, files: NamedFiles): SchemaJudgement {
  const root = new Cursor(value, [], (path, described) => {
    if (described === undefined || described === null) return describeValue(described);
    const written = document.substitutedText(path);
    if (written !== undefined) return `what ${describeValue(written)} stands for${described === '' ? ' (empty)' : ''}`;
    return isSecret(path) && described !== '' ? 'a hidden value' : describeValue(described);
  });
  const bySchema = judgeTyped(document, root);
  // The schema's word on a value stands alone: what the checks say about the same value follows from it.
  const judged = new Set(bySchema.findings.map(({ path }) => renderPath(path)));
  const byChecks = crossCheck(root, files).filter(({ path }) => !judged.has(renderPath(path)));
  return { ...bySchema, findings: [...bySchema.findings, ...byChecks] };
}

/**
 * A substituted value is text. Where it was written without quotes and the place does not take text, it becomes the
 * number or the boolean that it spells.
 */
function judgeTyped(document: ConfigurationDocument, root: Cursor): SchemaJudgement {
  const judgement = judgeBySchema(root);
  let hasChanged = false;
  for (const { path } of judgement.findings) {
    const typed = typedScalar(root.at(...path).text);
    if (typed === undefined || !document.isPlainSubstitution(path)) continue;
    assign(root, path, typed);
    hasChanged = true;
  }
  return hasChanged ? judgeBySchema(root) : judgement;
}

function typedScalar(text: string | undefined): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== undefined && /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined;
}

function assign(root: Cursor, path: ConfigurationPath, value: number | boolean): void {
  const parent = root.at(...path.slice(0, -1)).value as Record<string | number, unknown>;
  const step = path.at(-1);
  if (step !== undefined) parent[step] = value;
}

function crossCheck(root: Cursor, files: NamedFiles): readonly Finding[] {
  return [
    ...checkNamesAreUnique(root),
    ...checkListeners(root),
    ...checkBrokers(root),
    ...checkPlan(root),
    ...checkNameserver(root),
    ...checkSites(root),
    ...checkBridge(root),
    ...checkServices(root),
    ...checkAdmin(root),
    ...checkAws(root, files),
    ...checkFiles(root, files),
  ];
}

function locate(findings: readonly Finding[], document: ConfigurationDocument, file: string): ConfigurationMistake[] {
  return findings.map(({ path, message, atKey }) => ({
    file,
    ...document.position(path, atKey),
    path: renderPath(path),
    message,
  }));
}

function isAt(mistake: Position, { line, column }: Position): boolean {
  return mistake.line === line && mistake.column === column;
}

function inOrder(mistakes: readonly ConfigurationMistake[]): readonly ConfigurationMistake[] {
  return mistakes.toSorted((left, right) => left.line - right.line || left.column - right.column);
}

function mistakeAt(file: string, { line, column, message }: DocumentMistake): ConfigurationMistake {
  return { file, line, column, path: '', message };
}

function namedFiles(source: ConfigurationSource, absolute: (path: string) => string): NamedFiles {
  return {
    text: (path, maxBytes) => readText(source, absolute(path), maxBytes),
    isReadable: (path, maxBytes) => source.readFile(absolute(path), maxBytes),
  };
}

function substitutionValues(source: ConfigurationSource, absolute: (path: string) => string): SubstitutionValues {
  return {
    variable: (name) => {
      const value = source.variable(name);
      if (value !== undefined) return success(value);
      return failure(`expected the environment variable ${name} to be set, got nothing`);
    },
    file: (path) => {
      if (path === '') return failure(`expected a path in \${file:PATH}, got nothing`);
      const text = readText(source, absolute(path), fileBounds.substitutedBytes);
      if (text.ok) return success(text.value.replace(/\r?\n$/, ''));
      return failure(`expected a readable file for \${file:PATH}, got ${describeValue(path)}: ${text.error}`);
    },
  };
}
