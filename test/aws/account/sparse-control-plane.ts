import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { accountId, region } from './sample-account.ts';

type Members = Record<string, unknown>;

/**
 * An endpoint that stands in for AWS and knows less, as moto does: it takes every member and tells few of them, forgets
 * tags, knows a CA by the hash of its PEM text, gives another registration code each time, fills in empty members, and
 * answers operations that it has no code for with a page of HTML.
 */
export class SparseControlPlane implements AsyncDisposable {
  readonly url: string;
  /** `METHOD path` of each call. */
  readonly calls: string[] = [];
  readonly #policies = new Map<string, { versions: { id: number; document: unknown }[]; chosen: number }>();
  readonly #kept = new Map<string, Members>();
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(): Promise<SparseControlPlane> {
    const held: { plane?: SparseControlPlane } = {};
    const server = createServer((request, response) => void held.plane?.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    held.plane = new SparseControlPlane(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
    return held.plane;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url);
    const method = request.method ?? '';
    const sent = await json(request).catch(() => ({}));
    this.calls.push(`${method} ${pathname}`);
    const [, first = '', second = '', third] = pathname.split('/').map(decodeURIComponent);
    const body = sent as Members;
    const known = this.#route({ method, first, second, third, body, query });
    if (known === undefined) {
      const status = first === 'authorizer' ? 500 : 404;
      return void response.writeHead(status, { 'content-type': 'text/html' }).end('<!doctype html><title>No</title>');
    }
    if ('missing' in known) return refuse(response, 404, 'ResourceNotFoundException');
    if ('exists' in known) return refuse(response, 409, 'ResourceAlreadyExistsException');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(known));
  }

  #route({ method, first, second, third, body, query }: Call): Members | undefined {
    switch (first) {
      case 'endpoint':
        return { endpointAddress: 'abc-ats.iot.eu-west-1.amazonaws.com' };
      case 'registrationcode':
        return { registrationCode: createHash('sha256').update(String(this.calls.length)).digest('hex') };
      case 'policies':
        return third === 'version' ? this.#policyVersion(method, second, body) : this.#policy(method, second, body);
      case 'cacertificate':
        return this.#authority(method, second, { body, query });
      case 'thing-types':
        return this.#thingType(method, second, body);
      case 'rules':
        return this.#rule(method, second, body);
      case 'domainConfigurations':
        return this.#domain(method, second, body);
      default:
        return undefined;
    }
  }

  #policy(method: string, name: string, { policyDocument }: Members): Members {
    const policy = this.#policies.get(name);
    if (method === 'POST') {
      if (policy !== undefined) return { exists: true };
      this.#policies.set(name, { versions: [{ id: 1, document: policyDocument }], chosen: 1 });
      return { policyName: name, policyArn: arn(`policy/${name}`), policyDocument, policyVersionId: '1' };
    }
    if (policy === undefined) return { missing: true };
    if (method === 'DELETE') this.#policies.delete(name);
    const chosen = policy.versions.find(({ id }) => id === policy.chosen);
    return { policyName: name, policyArn: arn(`policy/${name}`), policyDocument: chosen?.document };
  }

  #policyVersion(method: string, name: string, { policyDocument }: Members): Members {
    const policy = this.#policies.get(name);
    if (policy === undefined) return { missing: true };
    if (method === 'POST') {
      const id = Math.max(...policy.versions.map((version) => version.id)) + 1;
      policy.versions.push({ id, document: policyDocument });
      policy.chosen = id;
      return { policyVersionId: String(id) };
    }
    const { versions, chosen } = policy;
    return { policyVersions: versions.map(({ id }) => ({ versionId: String(id), isDefaultVersion: id === chosen })) };
  }

  #authority(method: string, id: string, { body, query }: Pick<Call, 'body' | 'query'>): Members {
    if (method === 'POST') {
      const certificateId = createHash('sha256').update(String(body['caCertificate'])).digest('hex');
      const status = query.get('setAsActive') === 'true' ? 'ACTIVE' : 'INACTIVE';
      const { registrationConfig = null } = body;
      this.#kept.set(`ca ${certificateId}`, { status, registrationConfig });
      return { certificateId, certificateArn: arn(`cert/${certificateId}`) };
    }
    const kept = this.#kept.get(`ca ${id}`);
    if (kept === undefined) return { missing: true };
    if (method === 'DELETE') this.#kept.delete(`ca ${id}`);
    if (method === 'PUT') {
      kept['status'] = query.get('newStatus') ?? kept['status'];
      kept['registrationConfig'] = body['registrationConfig'] ?? kept['registrationConfig'];
    }
    const { status, registrationConfig } = kept;
    const description = { certificateId: id, certificateArn: arn(`cert/${id}`), status, transferData: {} };
    return { certificateDescription: description, registrationConfig };
  }

  #thingType(method: string, name: string, { thingTypeProperties }: Members): Members {
    const kept = this.#kept.get(`type ${name}`);
    if (method === 'POST') this.#kept.set(`type ${name}`, { thingTypeProperties });
    else if (kept === undefined) return { missing: true };
    if (method === 'PATCH' && kept !== undefined) kept['thingTypeProperties'] = thingTypeProperties;
    if (method === 'DELETE') this.#kept.delete(`type ${name}`);
    const metadata = { deprecated: false, creationDate: 1.5 };
    return { thingTypeName: name, thingTypeArn: arn(`thingtype/${name}`), thingTypeMetadata: metadata, ...kept };
  }

  #rule(method: string, name: string, body: Members): Members {
    if (name === '') return { rules: [] };
    const kept = this.#kept.get(`rule ${name}`);
    if (method === 'POST' && kept !== undefined) return { exists: true };
    if (method !== 'POST' && kept === undefined) return { missing: true };
    if (method === 'DELETE') this.#kept.delete(`rule ${name}`);
    if (method === 'POST' || method === 'PATCH') this.#kept.set(`rule ${name}`, { errorAction: {}, ...body });
    return { ruleArn: arn(`rule/${name}`), rule: { ruleName: name, ...kept } };
  }

  #domain(method: string, name: string, body: Members): Members {
    const kept = this.#kept.get(`domain ${name}`);
    if (method === 'POST' && kept !== undefined) return { exists: true };
    if (method !== 'POST' && kept === undefined) return { missing: true };
    if (method === 'DELETE') this.#kept.delete(`domain ${name}`);
    if (method === 'POST') {
      const arns = (body['serverCertificateArns'] ?? []) as readonly string[];
      this.#kept.set(`domain ${name}`, {
        domainName: body['domainName'],
        serverCertificates: arns.map((serverCertificateArn) => ({ serverCertificateArn })),
        authorizerConfig: body['authorizerConfig'] ?? null,
        domainConfigurationStatus: 'ENABLED',
      });
    }
    if (method === 'PUT' && kept !== undefined) {
      kept['domainConfigurationStatus'] = body['domainConfigurationStatus'] ?? kept['domainConfigurationStatus'];
    }
    const domainConfigurationArn = arn(`domainconfiguration/${name}/abcde`);
    return { domainConfigurationName: name, domainConfigurationArn, ...kept };
  }
}

interface Call {
  readonly method: string;
  readonly first: string;
  readonly second: string;
  readonly third: string | undefined;
  readonly body: Members;
  readonly query: URLSearchParams;
}

function arn(rest: string): string {
  return `arn:aws:iot:${region}:${accountId}:${rest}`;
}

function refuse(response: ServerResponse, status: number, name: string): void {
  const body = JSON.stringify({ __type: name, message: 'The specified resource does not exist' });
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': name }).end(body);
}
