// openapi.yaml against the routes, the TypeScript types of the wire, its own examples, and what handlers really answer.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import ts from 'typescript';
import { parse } from 'yaml';
import { compileContract } from '../../src/http/contract.ts';
import { type ArrivedRequest, type EdgePorts, mountRoutes, type MountedRoute } from '../../src/http/pipeline.ts';
import { problems } from '../../src/http/problem-table.ts';
import { route } from '../../src/http/route.ts';
import { httpsRoutes } from '../../src/http/server.ts';
import { contractText, ids, issuer, makeWorld, wideLimits, type World } from './support/world.ts';

type Schema = {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly maxProperties?: number;
  readonly propertyNames?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly $ref?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
};

type Operation = {
  readonly operationId: string;
  readonly 'x-takes': readonly string[];
  readonly requestBody?: { readonly content: Record<string, { schema: Schema }> };
  readonly responses: Record<string, { $ref?: string; content?: Record<string, { schema?: Schema }> }>;
};

const document = parse(contractText) as {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
};
const schemas = document.components.schemas;

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
ajv.addVocabulary(['openapi', 'info', 'servers', 'tags', 'paths', 'components']);
ajv.addSchema({ ...document, $id: 'contract:' });
const validatorOf = (name: string): ValidateFunction => ajv.compile({ $ref: `contract:#/components/schemas/${name}` });

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => method !== 'servers')
    .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const bodyName = (operation: Operation): string | undefined =>
  operation.requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);

const bodySchemas = [...new Set(operations.flatMap(({ operation }) => bodyName(operation) ?? []))];

describe('the examples', () => {
  test.each(bodySchemas)('%s has one, and it is valid', (name) => {
    const validate = validatorOf(name);
    const examples = schemas[name]?.examples ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples)
      expect({ valid: validate(example), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });
});

/** Every schema reachable from a request body. */
function* reachable(
  schema: Schema,
  path: string,
  seen = new Set<string>(),
): Generator<{ schema: Schema; path: string }> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1)!;
    if (seen.has(name)) return;
    seen.add(name);
    yield* reachable(schemas[name]!, `${path}→${name}`, seen);
    return;
  }
  yield { schema, path };
  for (const [name, member] of Object.entries(schema.properties ?? {}))
    yield* reachable(member, `${path}.${name}`, new Set(seen));
  if (schema.items !== undefined) yield* reachable(schema.items, `${path}[]`, new Set(seen));
  for (const one of schema.anyOf ?? []) yield* reachable(one, path, new Set(seen));
  if (isMap(schema)) yield* reachable(schema.additionalProperties as Schema, `${path}{}`, new Set(seen));
}

/** An object with names of its sender's choice, bounded in number and form. */
const isMap = ({ additionalProperties, maxProperties, propertyNames }: Schema): boolean =>
  typeof additionalProperties === 'object' && maxProperties !== undefined && propertyNames !== undefined;

describe('what comes in is bounded', () => {
  test.each(bodySchemas)('%s has closed objects, and an upper bound on every text, list and number', (name) => {
    const open = [...reachable(schemas[name]!, name)]
      .filter(({ schema }) => {
        if (schema.enum !== undefined || schema.const !== undefined) return false;
        if (schema.type === 'object') return schema.additionalProperties !== false && !isMap(schema);
        if (schema.type === 'boolean' || schema.type === 'null' || schema.anyOf !== undefined) return false;
        if (schema.type === 'array') return schema.maxItems === undefined;
        if (schema.type === 'integer' || schema.type === 'number') return schema.maximum === undefined;
        const hasBoundedPattern =
          /\{[0-9,]+\}\$?$|\)\?\$$/.test(schema.pattern ?? '') && !/[^\\][+*]/.test(schema.pattern ?? '');
        if (schema.type === 'boolean') return false;
        const isText = [schema.type].flat().every((type) => type === 'string' || type === 'null');
        return !isText || (schema.maxLength === undefined && !hasBoundedPattern);
      })
      .map(({ path }) => path);
    expect(open).toEqual([]);
  });

  test('each operation that changes something says whom it takes, and none that is unsafe takes anyone but enrollment', () => {
    const open = operations.filter(
      ({ method, operation }) => !['GET', 'HEAD'].includes(method) && operation['x-takes'].includes('anyone'),
    );
    expect(open.map(({ operation }) => operation.operationId)).toEqual(['beginEnrollment', 'activateEnrollment']);
    expect(operations.every(({ operation }) => operation['x-takes'].length > 0)).toBe(true);
  });
});

/** Members that an object type, or the last part of an intersection, names itself; null for other types. */
function literalOf(type: ts.TypeNode): ts.TypeLiteralNode | null {
  const own = ts.isIntersectionTypeNode(type) ? type.types.at(-1)! : type;
  return ts.isTypeLiteralNode(own) ? own : null;
}

/** Members of the exported object types of a source file: name → whether it may be left out. */
function typesOf(file: string): Map<string, Map<string, boolean>> {
  const text = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found = new Map<string, Map<string, boolean>>();
  source.forEachChild((node) => {
    const literal = ts.isTypeAliasDeclaration(node) ? literalOf(node.type) : null;
    if (!ts.isTypeAliasDeclaration(node) || literal === null) return;
    const members = literal.members.filter(ts.isPropertySignature);
    found.set(
      node.name.text,
      new Map(members.map((member) => [member.name.getText(source), member.questionToken !== undefined])),
    );
  });
  return found;
}

describe('the types of the wire and the schemas of the contract', () => {
  const sources = [
    ...readdirSync(new URL('../../src/domain/', import.meta.url))
      .filter((file) => file.endsWith('wire.ts'))
      .map((file) => `domain/${file}`),
    ...['http/route.ts', 'http/services.ts'],
  ];
  const types = new Map(sources.flatMap((file) => [...typesOf(file)]));
  const shared = Object.keys(schemas).filter((name) => types.has(name));

  test('every resource and body has both', () => {
    const named = Object.keys(schemas).filter((name) => /(?:Body|Resource)$/.test(name));
    expect(named.filter((name) => !types.has(name))).toEqual([]);
    const typed = [...typesOf('domain/wire.ts').keys()].filter((name) => name !== 'EnrollmentRequestDocument');
    expect(typed.filter((name) => !(name in schemas) && name !== 'Page')).toEqual([]);
  });

  test.each(shared)('%s has the same members on both sides, and the same ones may be left out', (name) => {
    const schema = schemas[name]!;
    const inSchema = Object.keys(schema.properties ?? {}).map((member) => [
      member,
      !(schema.required ?? []).includes(member),
    ]);
    expect(inSchema.toSorted()).toEqual([...types.get(name)!].toSorted());
  });
});

const quietEdge = (world: World): EdgePorts => ({
  publicUrl: 'https://omens.example.org',
  now: () => new Date(),
  log: () => undefined,
  newNonce: world.services.newNonce,
  authentication: { authorities: ['omens.example.org'], ...world.services },
  rememberedOperator: world.services.authenticateOperator,
  deviceLimit: async () => null,
  isOutage: () => false,
  answered: () => undefined,
});

describe('the boot', () => {
  const world = makeWorld();
  const edge = { ...quietEdge(world), listener: 'https' as const };
  const routes = httpsRoutes(world.services, wideLimits());
  const contract = compileContract(contractText);

  test('routes and contract are the same', () => {
    expect(mountRoutes(routes, contract, edge)).toHaveLength(routes.length);
  });
  test('a route that the contract does not have stops it', () => {
    const secret = route('GET', '/v1/secret', { takes: ['anyone'] }, async () => ({ status: 200, body: {} }));
    expect(() => mountRoutes([...routes, secret], contract, edge)).toThrow('only in the routes: GET /v1/secret');
  });
  test('an operation without a route stops it', () => {
    expect(() => mountRoutes(routes.slice(1), contract, edge)).toThrow('only in openapi.yaml: HEAD /v1/nonce');
  });
  test('a route that takes others than the contract says stops it', () => {
    const [first, ...rest] = routes.toReversed();
    expect(() => mountRoutes([{ ...first!, takes: ['viewer'] }, ...rest], contract, edge)).toThrow('takes viewer');
  });
  test('a route mounted twice stops it', () => {
    expect(() => mountRoutes([...routes, routes[0]!], contract, edge)).toThrow('differ');
  });
  test('a contract with a keyword that nobody checks stops it', () => {
    const slack = contractText.replace('    Uuid: { ', '    Uuid: { maxlenght: 3, ');
    expect(() => mountRoutes(routes, compileContract(slack), edge)).toThrow('maxlenght');
  });
});

describe('what handlers answer', () => {
  const world = makeWorld();
  let mounted: readonly MountedRoute[];
  let bearer: string;
  beforeAll(async () => {
    mounted = mountRoutes(httpsRoutes(world.services, wideLimits()), compileContract(contractText), {
      ...quietEdge(world),
      listener: 'https',
    });
    bearer = await world.token('admin');
  });
  const asked = operations.filter(({ operation, path }) => {
    const [kind] = operation['x-takes'];
    return kind !== 'enrolling' && kind !== 'device' && !path.endsWith('.crl') && !path.endsWith('.cer');
  });

  test.each(asked)('$method $path is what the contract says', async ({ method, path, operation }) => {
    const name = bodyName(operation);
    const params = {
      id: path.startsWith('/v1/issuers') ? issuer.id : ids.device,
      cert: ids.fingerprint,
      certid: 'AAAA.AAAA',
      agent: 'a'.repeat(64),
      name: 'devid',
      reason: 'internal',
    };
    const own = Object.fromEntries(Object.entries(params).filter(([key]) => path.includes(`{${key}}`)));
    if (path === '/v1/operator-tokens/{id}') own['id'] = (await world.token('viewer')).split('.')[1]!;
    const request: ArrivedRequest = {
      method,
      target: path,
      rawHeaders: [
        'Authorization',
        `Bearer ${bearer}`,
        ...(name === undefined ? [] : ['Content-Type', 'application/json']),
      ],
      params: own,
      rawBody: name === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(schemas[name]!.examples![0])),
      source: '127.0.0.1',
    };
    const reply = await mounted.find((one) => one.method === method && one.path === path)!.serve(request);
    const response = operation.responses[String(reply.status)];
    expect({ status: reply.status, inContract: response !== undefined }).toMatchObject({ inContract: true });
    const type = (reply.headers['Content-Type'] ?? '').split(';')[0]!;
    if (reply.body.length === 0) {
      expect(response!.content).toBeUndefined();
      return;
    }
    const content =
      response!.$ref === '#/components/responses/Pem' ? { 'application/pem-certificate-chain': {} } : response!.content;
    expect(Object.keys(content ?? {})).toContain(type);
    if (type !== 'application/json') return;
    const validate = validatorOf(content![type]!.schema!.$ref!.split('/').at(-1)!);
    const answer: unknown = JSON.parse(Buffer.from(reply.body).toString());
    expect({ valid: validate(answer), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });
});

test('every problem type has a status of an error and one sentence', () => {
  for (const entry of Object.values(problems)) {
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.title).toMatch(/^[A-Z].*[^.]$/);
  }
});
