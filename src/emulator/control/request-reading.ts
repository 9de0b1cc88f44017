import { invalidRequest } from '../account/refusal.ts';
import type { Member, Shape } from './operation-model.ts';

/** The parts of a request that members are read from. */
export interface RawRequest {
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer | undefined;
}

/** The input of an operation, its required members checked; throws InvalidRequestException. */
export function readInput(shape: Shape, request: RawRequest): Record<string, unknown> {
  if (shape.kind !== 'structure') return {};
  const members = shape.members();
  const whole = members.find(({ place }) => place === 'whole-body');
  const needsBody = whole !== undefined || members.some(({ place }) => place === 'body');
  const document = needsBody ? readDocument(request.body) : undefined;
  const input: Record<string, unknown> = {};
  for (const member of members) {
    const value = member === whole ? readBody(member, request) : readMember(member, request, document);
    if (value !== undefined) input[member.name] = value;
    else if (member.isRequired) throw missing(member.name);
  }
  return input;
}

function readBody({ shape, name }: Member, { body }: RawRequest): unknown {
  if (shape.kind === 'bytes') return body;
  return readValue(shape, readDocument(body), name);
}

function readMember({ name, shape, place }: Member, request: RawRequest, document: unknown): unknown {
  if (place === 'path') {
    const text = request.path[name];
    return text === undefined || text === '' ? undefined : readText(shape, text, name);
  }
  if (place === 'body') {
    const value = isRecord(document) ? document[name] : undefined;
    return value === undefined || value === null ? undefined : readValue(shape, value, name);
  }
  if (place === 'whole-body') return undefined;
  if ('query' in place) {
    const texts = request.query.getAll(place.query);
    if (texts.length === 0) return undefined;
    return shape.kind === 'list'
      ? texts.map((text) => readText(shape.item, text, name))
      : readText(shape, texts[0] ?? '', name);
  }
  const header = request.headers[place.header.toLowerCase()];
  return header === undefined ? undefined : readText(shape, String(header), name);
}

function readDocument(body: Buffer | undefined): unknown {
  if (body === undefined || body.length === 0) return {};
  try {
    const document: unknown = JSON.parse(body.toString('utf8'));
    if (isRecord(document)) return document;
  } catch {
    // The refusal below says it.
  }
  throw invalidRequest('The request body is not a JSON object');
}

/** A value of the body. */
function readValue(shape: Shape, value: unknown, path: string): unknown {
  switch (shape.kind) {
    case 'string':
    case 'number':
    case 'boolean':
      if (typeof value === shape.kind) return value;
      throw unexpected(path, shape.kind, value);
    case 'timestamp':
      if (typeof value === 'number') return new Date(value * 1000);
      throw unexpected(path, 'number of seconds', value);
    case 'bytes':
      if (typeof value === 'string') return Buffer.from(value, 'base64');
      throw unexpected(path, 'base64 text', value);
    case 'list':
      if (!Array.isArray(value)) throw unexpected(path, 'list', value);
      return value.map((item, index) => readValue(shape.item, item, `${path}[${index}]`));
    case 'map':
      if (!isRecord(value)) throw unexpected(path, 'object', value);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, readValue(shape.value, item, `${path}.${key}`)]),
      );
    case 'structure':
      return readStructure(shape, value, path);
    case 'document':
      return value;
    case 'nothing':
      return undefined;
    default:
      return shape satisfies never;
  }
}

function readStructure(shape: Extract<Shape, { kind: 'structure' }>, value: unknown, path: string): unknown {
  if (!isRecord(value)) throw unexpected(path, 'object', value);
  const read: Record<string, unknown> = {};
  for (const { name, shape: part, isRequired } of shape.members()) {
    const item = value[name];
    if (item !== undefined && item !== null) read[name] = readValue(part, item, `${path}.${name}`);
    else if (isRequired) throw missing(`${path}.${name}`);
  }
  return read;
}

/** A value of the path, the query or a header. */
function readText(shape: Shape, text: string, path: string): unknown {
  if (shape.kind === 'number') {
    const number = Number(text);
    if (text === '' || !Number.isFinite(number)) throw unexpected(path, 'number', text);
    return number;
  }
  if (shape.kind !== 'boolean') return text;
  if (text !== 'true' && text !== 'false') throw unexpected(path, 'true or false', text);
  return text === 'true';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function missing(path: string) {
  return invalidRequest(
    `1 validation error detected: Value null at '${path}' failed to satisfy constraint: Member must not be null`,
  );
}

function unexpected(path: string, expected: string, value: unknown) {
  return invalidRequest(`Expected ${expected} at '${path}', got ${JSON.stringify(value)}`);
}
