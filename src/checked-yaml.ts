// One YAML file against one JSON Schema, with every fault named: file, place, and what would be accepted. What the
// values mean is for the caller (config.ts, policies.ts).
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Document, LineCounter, parseDocument, visit } from 'yaml';
import { err, ok, type Refusal, type Result } from './domain/result.ts';

/** A fault in a configuration or policy file. `field` is `<file>: <path>`, e.g. `devid.yaml: /key/types/0`. */
export type FileFault = Refusal<
  'fileUnreadable' | 'malformedYaml' | 'schemaViolated' | 'ruleBroken' | 'manifestDiffers' | 'badCertificate'
>;

/** No configuration or policy file of ours comes near this many characters. */
const maxCharacters = 256 * 1024;

const ajv = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true, verbose: true });

/** Compiles a schema (JSON Schema draft 7, ajv in strict mode) for `readYaml`. */
export const compileSchema = <T>(schema: object): ValidateFunction<T> => ajv.compile<T>(schema);

/** Schema of a line of text. */
export const textLine = (description: string): object => ({
  type: 'string',
  minLength: 1,
  maxLength: 1000,
  description,
});

/** Schema of a list of mappings that have exactly these keys. */
export const entryList = (entry: Readonly<Record<string, object>>, description: string): object => ({
  type: 'array',
  description,
  items: { type: 'object', additionalProperties: false, required: Object.keys(entry), properties: entry },
});

/**
 * Parses YAML 1.2 text of one document and checks it against a compiled schema. Duplicate keys, unknown keys, aliases
 * and unresolved tags are faults; all are reported at once. An empty document counts as an empty mapping.
 */
export function readYaml<T>(
  file: string,
  text: string,
  validate: ValidateFunction<T>,
): Result<T, readonly FileFault[]> {
  if (text.length > maxCharacters) {
    return err([malformed(file, `has ${text.length} characters`, `at most ${maxCharacters}`)]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, strict: true, prettyErrors: false, lineCounter: lines });
  const faults = [...document.errors, ...document.warnings].map((fault) => {
    const at = lines.linePos(fault.pos[0]);
    return malformed(`${file}:${at.line}:${at.col}`, fault.message, 'YAML 1.2, each key once');
  });
  if (hasAlias(document)) faults.push(malformed(file, 'has an alias', 'the value itself, written again'));
  if (faults.length > 0) return err(faults);
  const value: unknown = (document.toJS() as unknown) ?? {};
  if (validate(value)) return ok(value);
  return err((validate.errors ?? []).filter(isTelling).map((error) => schemaFault(file, error)));
}

/** An alias could stand for a great deal of text, and for something else than a reviewer reads. */
function hasAlias(document: Document): boolean {
  let isFound = false;
  visit(document, {
    Alias: () => {
      isFound = true;
      return visit.BREAK;
    },
  });
  return isFound;
}

const malformed = (field: string, detail: string, accepted: string): FileFault => ({
  reason: 'malformedYaml',
  detail,
  field,
  accepted,
});

/**
 * `oneOf` and `anyOf` repeat each branch's complaint; the one sentence of the whole says more. Of `if` it is the other way
 * round.
 */
const isTelling = (error: ErrorObject): boolean =>
  error.keyword !== 'if' && !/\/(?:oneOf|anyOf)\/[0-9]+\//.test(error.schemaPath);

function schemaFault(file: string, error: ErrorObject): FileFault {
  const place = error.instancePath === '' ? '/' : error.instancePath;
  return {
    reason: 'schemaViolated',
    detail: whatIsWrong(error),
    field: `${file}: ${place}`,
    accepted: whatWouldDo(error),
  };
}

type Described = { readonly description?: unknown; readonly properties?: object };

const parametersOf = (error: ErrorObject): Readonly<Record<string, unknown>> => error.params;

function whatIsWrong(error: ErrorObject): string {
  const parameters = parametersOf(error);
  if (error.keyword === 'additionalProperties') return `unknown key "${String(parameters['additionalProperty'])}"`;
  if (error.keyword === 'required') return `"${String(parameters['missingProperty'])}" is missing`;
  const shown = JSON.stringify(error.data) as string | undefined;
  return `${(shown ?? 'nothing').slice(0, 80)} ${error.message ?? 'is not accepted'}`;
}

function whatWouldDo(error: ErrorObject): string {
  const parameters = parametersOf(error);
  const schema = (error.parentSchema ?? {}) as Described;
  if (error.keyword === 'additionalProperties') return Object.keys(schema.properties ?? {}).join(', ');
  const allowed = parameters['allowedValues'];
  if (Array.isArray(allowed)) return allowed.map(String).join(', ');
  if (error.keyword === 'required') return describedProperty(schema, String(parameters['missingProperty']));
  return typeof schema.description === 'string' ? schema.description : (error.message ?? 'see the schema');
}

function describedProperty(schema: Described, name: string): string {
  const property = (schema.properties as Readonly<Record<string, Described | undefined>> | undefined)?.[name];
  return typeof property?.description === 'string' ? property.description : `the key "${name}"`;
}

/** The faults as a person reads them, one a line. */
export const faultLines = (faults: readonly FileFault[]): string =>
  faults
    .map(
      ({ field, detail, accepted }) =>
        `${field ?? ''}: ${detail}${accepted === undefined ? '' : ` (accepted: ${accepted})`}`,
    )
    .join('\n');
