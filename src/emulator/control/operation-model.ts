import * as sdk from '@aws-sdk/client-iot';
import type { OperationName } from '../account/operation.ts';

/** A value's form in the service's model. */
export type Shape =
  | { readonly kind: 'string' | 'number' | 'boolean' | 'timestamp' | 'bytes' | 'document' | 'nothing' }
  | { readonly kind: 'list'; readonly item: Shape }
  | { readonly kind: 'map'; readonly value: Shape }
  | { readonly kind: 'structure'; readonly members: () => readonly Member[] };

export interface Member {
  readonly name: string;
  readonly shape: Shape;
  readonly isRequired: boolean;
  /** Where it stands in a request or answer. */
  readonly place: 'path' | 'body' | 'whole-body' | { readonly query: string } | { readonly header: string };
}

export interface OperationModel {
  readonly name: OperationName;
  readonly method: string;
  /** With `{member}` for the parts of the path. */
  readonly path: string;
  readonly input: Shape;
  readonly output: Shape;
}

/**
 * Every operation of AWS IoT as the SDK's own schemas have it (AWS's service model, rendered): methods, paths and where
 * each member goes are not ours to mistake.
 */
export function readOperationModels(): OperationModel[] {
  return Object.values(schemas).flatMap((schema) => {
    if (!Array.isArray(schema) || schema[0] !== operationKind) return [];
    const [, , name, traits, input, output] = schema as unknown as OperationSchema;
    const [method, path] = traits.http;
    return { name: name as OperationName, method, path, input: readShape(input), output: readShape(output) };
  });
}

/** The HTTP status of an exception; 400 where the model has none. */
export function statusOfException(name: string): number {
  const schema = schemas[`${name}$`];
  if (!Array.isArray(schema) || schema[0] !== errorKind) return 400;
  return (schema as unknown as ErrorSchema)[3].httpError ?? 400;
}

const schemas: Readonly<Record<string, unknown>> = sdk;

/** Kinds in a schema's first place (`@smithy/types`, `StaticSchema`). */
const simpleKind = 0;
const listKind = 1;
const mapKind = 2;
const structureKind = 3;
const operationKind = 9;
const errorKind = -3;
/** Flags that make a simple value a list or a map of it. */
const listFlag = 0x40;
const mapFlag = 0x80;
/** Bits of traits that are written as a number. */
const labelBit = 0x01;
const payloadBit = 0x10;

interface Traits {
  readonly http: readonly [method: string, path: string, status: number];
  readonly httpError?: number;
  readonly httpLabel?: 1;
  readonly httpPayload?: 1;
  readonly httpQuery?: string;
  readonly httpHeader?: string;
}

type SchemaReference = unknown;
type OperationSchema = readonly [
  number,
  string,
  name: string,
  traits: Traits,
  input: SchemaReference,
  output: SchemaReference,
];
type ErrorSchema = readonly [number, string, string, traits: Partial<Traits>, ...rest: unknown[]];
type StructureSchema = readonly [
  kind: number,
  string,
  string,
  traits: unknown,
  names: readonly string[],
  members: readonly SchemaReference[],
  required?: number,
];

function readShape(reference: SchemaReference): Shape {
  const schema: unknown = typeof reference === 'function' ? reference() : reference;
  if (schema === 'unit') return { kind: 'nothing' };
  if (typeof schema === 'number') return simpleShape(schema);
  if (!Array.isArray(schema)) throw new TypeError('Expected a schema of the SDK, got something else');
  switch (schema[0]) {
    case simpleKind:
      return readShape(schema[4]);
    case listKind:
      return { kind: 'list', item: readMember(schema[4]).shape };
    case mapKind:
      return { kind: 'map', value: readMember(schema[5]).shape };
    case structureKind:
    case errorKind:
      return structureShape(schema as unknown as StructureSchema);
    default:
      throw new TypeError(`Expected a schema of the SDK, got kind ${schema[0]}`);
  }
}

function simpleShape(code: number): Shape {
  if ((code & mapFlag) !== 0) return { kind: 'map', value: simpleShape(code & ~mapFlag) };
  if ((code & listFlag) !== 0) return { kind: 'list', item: simpleShape(code & ~listFlag) };
  const kind = simpleKinds.get(code);
  if (kind === undefined) throw new TypeError(`Expected a simple schema of the SDK, got ${code}`);
  return { kind };
}

const simpleKinds: ReadonlyMap<number, 'string' | 'number' | 'boolean' | 'timestamp' | 'bytes' | 'document'> = new Map([
  [0, 'string'],
  [1, 'number'],
  [2, 'boolean'],
  [4, 'timestamp'],
  [5, 'timestamp'],
  [7, 'timestamp'],
  [15, 'document'],
  [17, 'number'],
  [19, 'number'],
  [21, 'bytes'],
  [42, 'bytes'],
]);

/** Members are read when they are asked for: the model's structures may hold themselves. */
function structureShape(schema: StructureSchema): Shape {
  let members: readonly Member[] | undefined;
  return {
    kind: 'structure',
    members() {
      const [, , , , names, references, required = 0] = schema;
      // The required members stand first.
      members ??= references.map((reference, index) => {
        const { shape, place } = readMember(reference);
        return { name: names[index] ?? '', isRequired: index < required, shape, place };
      });
      return members;
    },
  };
}

/** `[schema, traits]`, or a schema alone. */
function readMember(reference: SchemaReference): Pick<Member, 'shape' | 'place'> {
  if (!Array.isArray(reference) || reference.length !== 2) return { shape: readShape(reference), place: 'body' };
  return { shape: readShape(reference[0]), place: readPlace(reference[1]) };
}

function readPlace(traits: number | Partial<Traits>): Member['place'] {
  if (typeof traits === 'number') {
    if ((traits & labelBit) !== 0) return 'path';
    return (traits & payloadBit) === 0 ? 'body' : 'whole-body';
  }
  if (traits.httpLabel !== undefined) return 'path';
  if (traits.httpPayload !== undefined) return 'whole-body';
  if (traits.httpQuery !== undefined) return { query: traits.httpQuery };
  return traits.httpHeader === undefined ? 'body' : { header: traits.httpHeader };
}
