// What spire-server prints with `-output json`, read strictly: the members that are used have to be there and have their
// form; others are left alone, since each version has more. The shapes are those of spire-server 1.13.3.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { SpireAgent, SpireEntry } from '../domain/spire.ts';

export type SpireReplyFault = 'malformedSpireReply' | 'spireRefused';

type Fault = Refusal<SpireReplyFault>;

/** Thrown within a reader and caught around it. */
class Malformed extends Error {}

type Members = Readonly<Record<string, unknown>>;

const members = (value: unknown, what: string): Members => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw new Malformed(`${what} is no object`);
};
const list = (value: unknown, what: string): readonly unknown[] => {
  if (Array.isArray(value)) return value;
  throw new Malformed(`${what} is no list`);
};
const text = (value: unknown, what: string): string => {
  if (typeof value === 'string' && /^[\x20-\x7e]{1,2048}$/.test(value)) return value;
  throw new Malformed(`${what} is no line of text`);
};
const flag = (value: unknown, what: string): boolean => {
  if (typeof value === 'boolean') return value;
  throw new Malformed(`${what} is neither true nor false`);
};

/** int64 in the JSON of protocol buffers is text. */
function seconds(value: unknown, what: string): Date {
  const digits = text(value, what);
  if (!/^[0-9]{1,12}$/.test(digits)) throw new Malformed(`${what} is no number of seconds`);
  return new Date(Number(digits) * 1000);
}

function spiffeId(value: unknown, what: string): string {
  const id = members(value, what);
  const path = text(id['path'], `${what}.path`);
  const trustDomain = text(id['trust_domain'], `${what}.trust_domain`);
  if (!/^(?:\/[A-Za-z0-9._-]+)+$/.test(path) || !/^[a-z0-9._-]+$/.test(trustDomain))
    throw new Malformed(`${what} is no SPIFFE ID`);
  return `spiffe://${trustDomain}${path}`;
}

const reading =
  <T>(read: (document: Members) => T) =>
  (output: string): Result<T, Fault> => {
    try {
      return ok(read(members(JSON.parse(output), 'the reply')));
    } catch (error) {
      if (!(error instanceof Malformed || error instanceof SyntaxError)) throw error;
      const why = error instanceof Malformed ? error.message : 'it is no JSON';
      const detail = `spire-server printed what is not understood: ${why}`;
      const accepted = 'what spire-server 1.13 prints with -output json';
      return err({ reason: 'malformedSpireReply', detail, field: 'spire.serverCommand', accepted });
    }
  };

/** The reply to `agent list`; all pages are in it. */
export const readAgents: (output: string) => Result<readonly SpireAgent[], Fault> = reading((document) =>
  list(document['agents'], 'agents').map((one, at): SpireAgent => {
    const agent = members(one, `agents.${at}`);
    return {
      spiffeId: spiffeId(agent['id'], `agents.${at}.id`),
      attestationType: text(agent['attestation_type'], `agents.${at}.attestation_type`),
      expiresAt: seconds(agent['x509svid_expires_at'], `agents.${at}.x509svid_expires_at`),
      canReattest: flag(agent['can_reattest'], `agents.${at}.can_reattest`),
      isBanned: flag(agent['banned'], `agents.${at}.banned`),
    };
  }),
);

/** The reply to `entry show`. */
export const readEntries: (output: string) => Result<readonly SpireEntry[], Fault> = reading((document) =>
  list(document['entries'], 'entries').map((one, at): SpireEntry => {
    const entry = members(one, `entries.${at}`);
    return {
      id: text(entry['id'], `entries.${at}.id`),
      spiffeId: spiffeId(entry['spiffe_id'], `entries.${at}.spiffe_id`),
      parentId: spiffeId(entry['parent_id'], `entries.${at}.parent_id`),
      selectors: list(entry['selectors'], `entries.${at}.selectors`).map((selector, number) => {
        const where = `entries.${at}.selectors.${number}`;
        const { type, value } = members(selector, where);
        return `${text(type, `${where}.type`)}:${text(value, `${where}.value`)}`;
      }),
    };
  }),
);

/** gRPC codes with which `entry create` answers each entry, while the program itself ends with 0. */
const grpc = { ok: 0, alreadyExists: 6 } as const;

const readStatuses = reading((document) =>
  list(document['results'], 'results').map((one, at) => {
    const { code, message } = members(members(one, `results.${at}`)['status'], `results.${at}.status`);
    if (typeof code !== 'number') throw new Malformed(`results.${at}.status.code is no number`);
    return { code, message: text(message, `results.${at}.status.message`) };
  }),
);

/** The reply to `entry create`: made, or there already. */
export function readCreated(output: string): Result<null, Fault> {
  const statuses = readStatuses(output);
  if (!statuses.ok) return statuses;
  const refused = statuses.value.find(({ code }) => code !== grpc.ok && code !== grpc.alreadyExists);
  if (refused === undefined && statuses.value.length > 0) return ok(null);
  const detail = `the SPIRE server made no entry: ${refused?.message ?? 'it answered with no result'}`;
  return err({ reason: 'spireRefused', detail, field: 'spire' });
}
