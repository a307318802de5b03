// openapi.yaml at run time: its schemas, compiled once, check what comes in. It is checked itself on the way: a part
// that we do not use is a fault of the contract, not silently ignored.
import { Ajv2020, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse as parseYaml } from 'yaml';
import { printable } from '../domain/printable.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Query } from './route.ts';

/** How one operation reads what came. Refusals name the field and what would be accepted; no value is repeated. */
export type Operation<P, B> = {
  readonly readParams: (params: unknown) => Result<P, Refusal<ShapeReason>>;
  readonly readQuery: (query: unknown) => Result<Query, Refusal<ShapeReason>>;
  readonly checkHeaders: (header: (name: string) => string | null) => Result<null, Refusal<ShapeReason>>;
  /** `undefined` stands for no body. */
  readonly readBody: (body: unknown) => Result<B, Refusal<ShapeReason>>;
};

export type ShapeReason = 'notFound' | 'malformedQuery' | 'malformedHeader' | 'malformedBody';

/** What the contract says of one operation, for the boot's comparison with the routes. */
export type OperationFacts = {
  readonly method: string;
  readonly path: string;
  readonly takes: readonly string[];
  readonly listener: 'https' | 'plain';
  /** Name of the request body's schema, or null for none. */
  readonly bodySchema: string | null;
};

export type Contract = {
  readonly operations: readonly OperationFacts[];
  /** Throws when the contract has no such operation. P and B are what the schemas describe. */
  readonly operation: <P, B>(method: string, path: string) => Operation<P, B>;
};

type Parameter = {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: { readonly type?: string };
  readonly pointer: string;
};

type OperationObject = {
  readonly 'x-takes': readonly string[];
  readonly 'x-listener'?: 'plain';
  readonly parameters?: readonly ({ readonly $ref: string } | Omit<Parameter, 'pointer'>)[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>> };
};

type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly parameters: Readonly<Record<string, Omit<Parameter, 'pointer'>>> };
};

const methods = ['get', 'head', 'post', 'put', 'delete'];
const documentId = 'contract:';

/** Compiles the text of openapi.yaml (3.1; JSON Schema 2020-12; ajv in strict mode). Throws at any fault of it. */
export function compileContract(text: string): Contract {
  const document = parseYaml(text) as Document;
  const ajv = makeAjv(document);
  const found = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => methods.includes(method))
      .map(([method, object]) => ({ path, method, object })),
  );
  return {
    operations: found.map(({ path, method, object }) => ({
      method: method.toUpperCase(),
      path,
      takes: object['x-takes'],
      listener: object['x-listener'] ?? 'https',
      bodySchema: bodyReference(object)?.split('/').at(-1) ?? null,
    })),
    operation: <P, B>(method: string, path: string) => {
      const entry = found.find((one) => one.path === path && one.method.toUpperCase() === method);
      if (entry === undefined) throw new Error(`openapi.yaml has no ${method} ${path}`);
      return compileOperation<P, B>({ document, ...entry }, ajv);
    },
  };
}

/** The document is no schema itself, but all its schemas are reached through it. */
function makeAjv(document: Document): Ajv2020 {
  // `verbose` puts the schema beside each error: from it a refusal says what would be accepted.
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, verbose: true });
  ajv.addVocabulary(['openapi', 'info', 'servers', 'tags', 'paths', 'components']);
  ajv.addSchema({ ...document, $id: documentId });
  return ajv;
}

type Entry = {
  readonly document: Document;
  readonly path: string;
  readonly method: string;
  readonly object: OperationObject;
};

function compileOperation<P, B>(entry: Entry, ajv: Ajv2020): Operation<P, B> {
  const parameters = parametersOf(entry);
  const params = ajv.compile<P>(objectSchema(parameters.filter((one) => one.in === 'path')));
  const queryParameters = parameters.filter((one) => one.in === 'query');
  const query = ajv.compile<Query>(objectSchema(queryParameters));
  const headerParameters = parameters.filter((one) => one.in === 'header');
  const headers = ajv.compile(objectSchema(headerParameters));
  const reference = bodyReference(entry.object);
  const body = reference === null ? null : ajv.compile<B>({ $ref: `${documentId}${reference}` });
  return {
    readParams: (value) => read(params, value, 'notFound'),
    readQuery: (value) => read(query, withIntegers(value, queryParameters), 'malformedQuery'),
    checkHeaders: (header) => {
      const given = headerParameters.map(({ name }) => [name, header(name.toLowerCase())] as const);
      const result = read(headers, Object.fromEntries(given.filter(([, value]) => value !== null)), 'malformedHeader');
      return result.ok ? ok(null) : result;
    },
    readBody: (value) => readBody(body, value),
  };
}

/** Integers of a query are text: those in plain decimal become numbers, any other form is left for the schema to refuse. */
function withIntegers(query: unknown, parameters: readonly Parameter[]): unknown {
  if (typeof query !== 'object' || query === null) return query;
  const isInteger = (name: string): boolean =>
    parameters.some((one) => one.name === name && one.schema.type === 'integer');
  const entries = Object.entries(query).map(([name, value]: [string, unknown]) => {
    const isDecimal = typeof value === 'string' && /^(?:0|[1-9][0-9]{0,14})$/.test(value);
    return [name, isDecimal && isInteger(name) ? Number(value) : value] as const;
  });
  return Object.fromEntries(entries);
}

function readBody<B>(validate: ValidateFunction<B> | null, value: unknown): Result<B, Refusal<ShapeReason>> {
  if (validate !== null && value === undefined) {
    return err({ reason: 'malformedBody', detail: 'the request has no body', accepted: 'a JSON document' });
  }
  if (validate !== null) return read(validate, value, 'malformedBody');
  // An operation without a request body has no schema, and its handlers have the type `never` for it.
  return value === undefined
    ? ok(undefined as B)
    : err({ reason: 'malformedBody', detail: 'this operation takes no body', accepted: 'no body' });
}

function read<T>(validate: ValidateFunction<T>, value: unknown, reason: ShapeReason): Result<T, Refusal<ShapeReason>> {
  if (validate(value)) return ok(value);
  return err(shapeRefusal(validate.errors?.[0], reason));
}

/** The sentence speaks of the schema, and names members; never a value that was sent: it may be a secret. */
function shapeRefusal(error: ErrorObject | undefined, reason: ShapeReason): Refusal<ShapeReason> {
  const parameters: Readonly<Record<string, unknown>> = error?.params ?? {};
  const missing = parameters['missingProperty'];
  const unknown = parameters['additionalProperty'];
  const member = [missing, unknown].find((name) => typeof name === 'string');
  const path = (error?.instancePath ?? '').split('/').slice(1);
  const field = [...path, ...(member === undefined ? [] : [printable(member, 64)])].join('.');
  const detail =
    unknown !== undefined
      ? 'this operation knows no such member'
      : missing !== undefined
        ? 'is missing'
        : error?.keyword === 'pattern'
          ? 'does not have the form of the contract'
          : (error?.message ?? 'does not have the shape of the contract');
  const accepted = acceptedBy(error);
  return {
    reason,
    detail: `${field === '' ? 'it' : field}: ${detail}`,
    ...(field === '' ? {} : { field }),
    ...(accepted === null ? {} : { accepted }),
  };
}

type Bounds = {
  readonly description?: unknown;
  readonly examples?: unknown;
  readonly minimum?: unknown;
  readonly maximum?: unknown;
};

/** What would do, as the schema says it: values, both ends of a range, or the words that explain a pattern. */
function acceptedBy(error: ErrorObject | undefined): string | null {
  const allowed = (error?.params as { readonly allowedValues?: unknown } | undefined)?.allowedValues;
  if (Array.isArray(allowed)) return allowed.map(String).join(', ');
  const { description, examples, minimum, maximum } = (error?.parentSchema ?? {}) as Bounds;
  if (typeof minimum === 'number' && typeof maximum === 'number') return `an integer from ${minimum} to ${maximum}`;
  if (error?.keyword !== 'pattern') return null;
  if (typeof description === 'string') return description;
  return Array.isArray(examples) ? `a text like ${examples.map(String).join(', ')}` : null;
}

function parametersOf({ document, path, method, object }: Entry): readonly Parameter[] {
  return (object.parameters ?? []).map((parameter, at) => {
    if (!('$ref' in parameter)) return { ...parameter, pointer: `#/paths/${escaped(path)}/${method}/parameters/${at}` };
    const name = parameter.$ref.replace('#/components/parameters/', '');
    const shared = document.components.parameters[name];
    if (shared === undefined) throw new Error(`openapi.yaml: ${parameter.$ref} does not exist`);
    return { ...shared, pointer: parameter.$ref };
  });
}

const objectSchema = (parameters: readonly Parameter[]): AnySchema => ({
  type: 'object',
  additionalProperties: false,
  required: parameters.filter((one) => one.required === true).map((one) => one.name),
  properties: Object.fromEntries(
    parameters.map((one) => [one.name, { $ref: `${documentId}${one.pointer}/schema` }] as const),
  ),
});

function bodyReference(object: OperationObject): string | null {
  if (object.requestBody === undefined) return null;
  const reference = object.requestBody.content['application/json']?.schema.$ref;
  if (reference === undefined) throw new Error('openapi.yaml: a request body is application/json with a $ref');
  return reference;
}

/** RFC 6901 §3, inside a URI fragment (braces are not allowed there as they are). */
const escaped = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
