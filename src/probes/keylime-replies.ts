// What registrar and verifier of Keylime answer, read strictly: the members that are used have to be there and have their
// form. Others are never touched: among them `v`, a share of an agent's key. The shapes are those of Keylime 7.14.3.
import type { VerifiedAgent } from '../domain/keylime.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { parseStrictJson } from '../domain/strict-json.ts';

export type KeylimeReplyFault = 'malformedKeylimeReply';

type Fault = Refusal<KeylimeReplyFault>;

/** Thrown within a reader and caught around it. */
class Malformed extends Error {}

type Members = Readonly<Record<string, unknown>>;

/** More agents are not read: the answer would be capped before. */
const mostAgents = 20_000;

const members = (value: unknown, what: string): Members => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw new Malformed(`${what} is no object`);
};

/** UUID or hash_ek; Keylime has a column of 80 characters for it. */
const isAgentId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/.test(text);

const agentId = (value: unknown, what: string): string => {
  if (typeof value === 'string' && isAgentId(value)) return value;
  throw new Malformed(`${what} is no name of an agent`);
};

const reading =
  <T>(read: (results: Members) => T) =>
  (octets: Uint8Array): Result<T, Fault> => {
    try {
      const document = parseStrictJson(octets);
      if (!document.ok) throw new Malformed(document.error.detail);
      return ok(read(members(members(document.value, 'the reply')['results'], 'results')));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const detail = `Keylime answered what is not understood: ${error.message}`;
      return err({ reason: 'malformedKeylimeReply', detail, field: 'keylime', accepted: 'what Keylime 7.14 answers' });
    }
  };

/** `GET /version`: the versions that are supported. */
export const readVersions: (octets: Uint8Array) => Result<readonly string[], Fault> = reading((results) => {
  const versions = results['supported_versions'];
  if (!Array.isArray(versions) || versions.length > 100) throw new Malformed('supported_versions is no list');
  return (versions as readonly unknown[]).filter(
    (one): one is string => typeof one === 'string' && /^[0-9]{1,3}\.[0-9]{1,3}$/.test(one),
  );
});

/**
 * `GET /agents` of the registrar. Whoever reaches it may register under a name of his own choice: one that no agent of ours
 * has is left out, so that a stranger cannot have the whole list refused.
 */
export const readRegistered: (octets: Uint8Array) => Result<readonly string[], Fault> = reading((results) => {
  const { uuids } = results;
  if (!Array.isArray(uuids) || uuids.length > mostAgents) throw new Malformed('uuids is no list');
  const names = (uuids as readonly unknown[]).map((one, at) => {
    if (typeof one === 'string') return one;
    throw new Malformed(`uuids.${at} is no text`);
  });
  return [...new Set(names.filter(isAgentId))];
});

/** `GET /agents/{id}` of the registrar: the endorsement key, TPM2B_PUBLIC in base64; null where there is none. */
export const readEndorsementKey: (octets: Uint8Array) => Result<Uint8Array | null, Fault> = reading((results) => {
  const key = results['ek_tpm'];
  if (key === null || key === undefined || key === '') return null;
  if (typeof key !== 'string' || !/^[A-Za-z0-9+/]{1,4096}={0,2}$/.test(key)) throw new Malformed('ek_tpm is no base64');
  return new Uint8Array(Buffer.from(key, 'base64'));
});

/** `GET /agents/?bulk=true` of the verifier. */
export const readVerified: (octets: Uint8Array) => Result<readonly VerifiedAgent[], Fault> = reading((results) => {
  const entries = Object.entries(results);
  if (entries.length > mostAgents) throw new Malformed('there are too many agents');
  return entries.map(([name, value]): VerifiedAgent => {
    const agent = agentId(name, 'the name of a member');
    const status = members(value, agent);
    return {
      agent,
      operationalState: numberOrNull(status['operational_state'], `${agent}.operational_state`, 255),
      attestationStatus: statusOrNull(status['attestation_status'], `${agent}.attestation_status`),
      lastSuccessfulAttestation: secondsOrNull(
        status['last_successful_attestation'],
        `${agent}.last_successful_attestation`,
      ),
    };
  });
});

function numberOrNull(value: unknown, what: string, most: number): number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new Malformed(`${what} is no number`);
}

/** Absent before 7.14. */
function statusOrNull(value: unknown, what: string): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' && /^[A-Z][A-Z_]{0,31}$/.test(value)) return value;
  throw new Malformed(`${what} is no status`);
}

/** Seconds since 1970; 0 is never. */
function secondsOrNull(value: unknown, what: string): Date | null {
  const seconds = numberOrNull(value, what, 253_402_300_799);
  return seconds === null || seconds === 0 ? null : new Date(seconds * 1000);
}
