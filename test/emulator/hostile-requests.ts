import fc from 'fast-check';
import { type Member, readOperationModels, type Shape } from '../../src/emulator/control/operation-model.ts';

export interface HostileRequest {
  readonly method: string;
  /** With its query, encoded as a client would, or worse. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Texts that mean something somewhere: names of prototypes, of the account's own things, documents, paths. */
const texts = [
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'meter', 'fleet', '', '.', '..', '../../etc/passwd'],
  ...[
    'a'.repeat(300),
    '%',
    '%2e%2e',
    'a/b',
    '$aws/rules/x/y',
    'a/#',
    '+',
    '\u0000',
    '\ud800',
    '💥',
    'ACTIVE',
    'DEFAULT',
  ],
  ...['iot:Data-ATS', 'arn:aws:iot:eu-central-1:123456789012:thing/meter', 'arn:aws:acm:x:y:certificate/z'],
  ...['{}', '[]', 'null', '{"Version":"2012-10-17","Statement":[]}', "SELECT * FROM '#'", 'SELECT -------1 AS x'],
  ...['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'TRUE', 'EXCLUSIVE_THING', 'Infinity', '1e999'],
  ...['{"Resources":{"c":{"Type":"AWS::IoT::Certificate","Properties":{"CertificateId":{"Ref":"constructor"}}}}}'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a substitution template
  ...['${topic()}/${timestamp()}', '${', '${get(*, "constructor")}', 'iot:Connection.Thing.Attributes[constructor]'],
];
const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...texts) },
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);
const oddValue: fc.Arbitrary<unknown> = fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, fc.constant(null));

/** A value of the shape the model has, or now and then of another. */
function looseValue(shape: Shape, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary: fittingValue(shape, depth) }, oddValue);
}

function fittingValue(shape: Shape, depth: number): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'number':
    case 'timestamp':
      return fc.oneof(fc.integer({ min: -2, max: 300 }), fc.double());
    case 'boolean':
      return fc.boolean();
    case 'list':
      return depth > 3 ? fc.constant([]) : fc.array(looseValue(shape.item, depth + 1), { maxLength: 3 });
    case 'map':
      return depth > 3 ? fc.constant({}) : fc.dictionary(text, looseValue(shape.value, depth + 1), { maxKeys: 3 });
    case 'structure':
      return depth > 3 ? fc.constant({}) : structureOf(shape.members(), depth);
    default:
      return text;
  }
}

function structureOf(members: readonly Member[], depth: number): fc.Arbitrary<unknown> {
  return fc
    .tuple(
      ...members.map(({ shape, isRequired }) => fc.option(looseValue(shape, depth + 1), { freq: isRequired ? 9 : 1 })),
    )
    .map((values) => Object.fromEntries(members.map(({ name }, index) => [name, values[index] ?? undefined])));
}

function ofOperation({ method, path, input }: ReturnType<typeof readOperationModels>[number]) {
  const members = input.kind === 'structure' ? input.members() : [];
  const parts = members.filter(({ place }) => place === 'path');
  const queries = members.filter(({ place }) => typeof place === 'object' && 'query' in place);
  const heads = members.filter(({ place }) => typeof place === 'object' && 'header' in place);
  const whole = members.find(({ place }) => place === 'whole-body');
  const bodies = members.filter(({ place }) => place === 'body');
  return fc
    .record({
      parts: fc.tuple(...parts.map(() => text)),
      queries: fc.tuple(...queries.map(({ shape }) => fc.option(looseValue(shape)))),
      heads: fc.tuple(...heads.map(() => text)),
      body: whole === undefined ? structureOf(bodies, 0) : looseValue(whole.shape),
    })
    .map(({ parts: names, queries: asked, heads: said, body }): HostileRequest => {
      const filled = parts.reduce((url, { name }, index) => url.replace(`{${name}}`, encoded(names[index])), path);
      const query = queries.map(({ place }, index) => `${(place as { query: string }).query}=${encoded(asked[index])}`);
      const headers = heads.map(({ place }, index) => [
        (place as { header: string }).header,
        String(said[index]).replace(/[^\x20-\x7e]/g, '?'),
      ]);
      const hasBody = method !== 'GET' && (whole !== undefined || bodies.length > 0);
      return {
        ...{ method, target: `${filled}?${query.join('&')}`, headers: Object.fromEntries(headers) },
        body: hasBody ? JSON.stringify(body) : undefined,
      };
    });
}

/** Objects as JSON: one with a member `toString` has no other text. */
function encoded(value: unknown): string {
  const written = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value ?? '');
  return encodeURIComponent(written.toWellFormed());
}

const dataPaths = ['/topics/', '/connections/', '/retainedMessage/', '/things/', '/policies/', '/certificates/', '/'];
const ofDataApi = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'OPTIONS'),
    path: fc.constantFrom(...dataPaths),
    rest: fc.oneof(text.map(encoded), fc.constantFrom('%', '%ff', '%00', 'a?b?c', 'a%2Fb/messages?topic=a', 'x//y')),
    query: fc.constantFrom(
      '',
      '?retain=true',
      '?qos=7',
      '?messageExpiry=-1',
      '?maxResults=0&nextToken=x',
      '?topic=a&qos=1',
    ),
    properties: fc.option(text.map((value) => Buffer.from(value).toString('base64'))),
    body: fc.option(text),
  })
  .map(
    ({ method, path, rest, query, properties, body }): HostileRequest => ({
      ...{ method, target: `${path}${rest}${query}` },
      headers: properties === null ? {} : { 'x-amz-mqtt5-user-properties': properties },
      body: method === 'GET' || method === 'OPTIONS' ? undefined : (body?.toWellFormed() ?? undefined),
    }),
  );

/** Requests to the control plane and the data API as no SDK would send them. */
export const hostileRequests: fc.Arbitrary<HostileRequest> = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(...readOperationModels().map(ofOperation)) },
  ofDataApi,
);
