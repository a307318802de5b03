// Grants: what a device may have, exactly. Made here from what an admin said, checked against the profiles, every fault
// told at once. Pure.
import { type Grant, placeholderAgentUuids } from '../domain/device.ts';
import { isDnsName, isHostName, isUri, matchesAny, normalizeIpAddress } from '../domain/names.ts';
import { type Principal, roleIncludes } from '../domain/principal.ts';
import { printable } from '../domain/printable.ts';
import { defaultGrantProfiles, type NameRule, type Profile } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { EnrollmentTokenBody, GrantResource } from '../domain/wire.ts';

export type GrantReason =
  | 'malformedHostName'
  | 'placeholderAgentUuid'
  | 'malformedName'
  | 'unknownProfile'
  | 'profileNotForDevices'
  | 'roleNotSufficient'
  | 'nameNotAllowed'
  | 'grantTwice';

type Refused = Refusal<GrantReason>;

/** For whom grants are made, by whom, and what profiles there are. `addresses` in any spelling. */
export type GrantFacts = {
  readonly hostName: string;
  readonly addresses: readonly string[];
  /** Null: the default grant. */
  readonly profiles: EnrollmentTokenBody['profiles'] | null;
  readonly principal: Extract<Principal, { readonly kind: 'operator' }>;
  readonly known: ReadonlyMap<string, Profile>;
};

/** The names by which a Keylime agent is reached; its UUID is too long for a DNS label. */
export const keylimeNames = (hostName: string): readonly string[] => [hostName, `agent.keylime.${hostName}`];

/**
 * The grants for a host. Without profiles: `devid` and `keylime-agent`. Without names: the host's own, where the profile
 * takes DNS names at all. Addresses go to every software-key profile that allows them.
 */
export function makeGrants(facts: GrantFacts): Result<readonly Grant[], readonly Refused[]> {
  const named = hostNameFaults(facts.hostName);
  if (named.length > 0) return err(named);
  const asked: NonNullable<EnrollmentTokenBody['profiles']> =
    facts.profiles ?? defaultGrantProfiles.map((profile) => ({ profile }));
  const grants = asked.map((request) => {
    const profile = facts.known.get(request.profile);
    return {
      profile: request.profile,
      place: request.place ?? '',
      dnsNames: request.dnsNames ?? ownNames(facts, profile),
      ipAddresses: addressesFor(facts.addresses, profile),
      uris: [],
    };
  });
  const strange = facts.addresses.filter((address) => normalizeIpAddress(address) === null);
  return checkGrants(grants, facts, strange.map(notAnAddress));
}

function ownNames({ hostName }: GrantFacts, profile: Profile | undefined): readonly string[] {
  if (profile?.name === 'keylime-agent') return keylimeNames(hostName);
  return profile === undefined || profile.allowedNames.dnsNames.length > 0 ? [hostName] : [];
}

/** A device identity carries no address: it names the host and its TPM. */
function addressesFor(addresses: readonly string[], profile: Profile | undefined): readonly string[] {
  if (profile === undefined || profile.keyOrigin === 'tpm') return [];
  const normal = addresses.flatMap((address) => normalizeIpAddress(address) ?? []);
  return normal.filter((address) => matchesAny(profile.allowedNames.ipAddresses, address));
}

/** Grants as they stand in `PUT …/grants`, checked the same way. */
export const readGrants = (
  grants: readonly GrantResource[],
  facts: Pick<GrantFacts, 'principal' | 'known'>,
): Result<readonly Grant[], readonly Refused[]> =>
  checkGrants(
    grants.map((grant) => ({
      ...grant,
      ipAddresses: grant.ipAddresses.map((address) => normalizeIpAddress(address) ?? address),
    })),
    facts,
  );

function checkGrants(
  grants: readonly Grant[],
  facts: Pick<GrantFacts, 'principal' | 'known'>,
  before: readonly Refused[] = [],
): Result<readonly Grant[], readonly Refused[]> {
  const faults = [...before, ...grants.flatMap((grant, at) => grantFaults(grant, at, facts)), ...twice(grants)];
  return faults.length > 0 ? err(faults) : ok(grants);
}

function grantFaults(grant: Grant, at: number, facts: Pick<GrantFacts, 'principal' | 'known'>): readonly Refused[] {
  const profile = facts.known.get(grant.profile);
  const field = `grants.${at}`;
  if (profile === undefined) return [unknownProfile(grant.profile, `${field}.profile`, facts.known)];
  if (!profile.obtainedBy.includes('device')) return [notForDevices(profile, `${field}.profile`)];
  const speaksForOthers = profile.extendedKeyUsage.includes('clientAuth');
  return [
    ...(speaksForOthers && !roleIncludes(facts.principal.role, 'admin') ? [roleNotSufficient(profile, field)] : []),
    ...nameFaults(grant.dnsNames, {
      field: `${field}.dnsNames`,
      isWellFormed: isDnsName,
      rules: profile.allowedNames.dnsNames,
    }),
    ...nameFaults(grant.ipAddresses, {
      field: `${field}.ipAddresses`,
      isWellFormed: (text) => normalizeIpAddress(text) === text,
      rules: profile.allowedNames.ipAddresses,
    }),
    ...nameFaults(grant.uris, { field: `${field}.uris`, isWellFormed: isUri, rules: profile.allowedNames.uris }),
  ];
}

function nameFaults(
  names: readonly string[],
  kind: {
    readonly field: string;
    readonly isWellFormed: (text: string) => boolean;
    readonly rules: readonly NameRule[];
  },
): readonly Refused[] {
  return names.flatMap((name): readonly Refused[] => {
    const { field } = kind;
    if (!kind.isWellFormed(name))
      return [{ reason: 'malformedName', detail: `"${printable(name)}" is malformed`, field }];
    if (matchesAny(kind.rules, name)) return [];
    const accepted = kind.rules.length === 0 ? 'no name of this kind' : 'a name that the profile allows';
    return [{ reason: 'nameNotAllowed', detail: `the profile does not allow the name "${name}"`, field, accepted }];
  });
}

function twice(grants: readonly Grant[]): readonly Refused[] {
  const keys = grants.map(({ profile, place }) => `${profile} ${place}`);
  return grants
    .filter((_grant, at) => keys.indexOf(keys[at] ?? '') !== at)
    .map(({ profile, place }) => ({
      reason: 'grantTwice',
      detail: `profile ${profile} is granted twice for the place "${place}"`,
      field: 'grants',
      accepted: 'each profile once for each place of use',
    }));
}

/** What is wrong with a host name: its syntax, or that it carries an agent UUID out of some documentation. */
export function hostNameFaults(hostName: string): readonly Refusal<'malformedHostName' | 'placeholderAgentUuid'>[] {
  const field = 'hostName';
  if (!isHostName(hostName)) {
    const accepted = 'a fully qualified host name in lower case';
    return [{ reason: 'malformedHostName', detail: 'the host name is malformed', field, accepted }];
  }
  const placeholder = hostName.split('.').find((label) => placeholderAgentUuids.includes(label));
  return placeholder === undefined ? [] : [{ ...placeholderAgentUuid(placeholder), field }];
}

/** A UUID that every unconfigured Keylime agent has. */
export const placeholderAgentUuid = (uuid: string): Refusal<'placeholderAgentUuid'> => ({
  reason: 'placeholderAgentUuid',
  detail: `${uuid} is an example UUID of the Keylime documentation, which every unconfigured agent has`,
  accepted: 'uuid = "hash_ek" in /etc/keylime/agent.conf',
});

/** No such profile; says which a device can have. */
export const unknownProfile = (
  name: string,
  field: string,
  known: ReadonlyMap<string, Profile>,
): Refusal<'unknownProfile'> => ({
  reason: 'unknownProfile',
  detail: `there is no profile "${printable(name)}"`,
  field,
  accepted: [...known.values()]
    .filter((profile) => profile.obtainedBy.includes('device'))
    .map((profile) => profile.name)
    .join(', '),
});

/** For people, or for this service itself. */
export const notForDevices = (profile: Profile, field: string): Refusal<'profileNotForDevices'> => ({
  reason: 'profileNotForDevices',
  detail: `profile ${profile.name} is never issued to a device`,
  field,
  accepted: profile.obtainedBy.includes('operator') ? `omens issue --profile ${profile.name}` : 'nothing',
});

const roleNotSufficient = (profile: Profile, field: string): Refused => ({
  reason: 'roleNotSufficient',
  detail: `profile ${profile.name} has clientAuth, which only an admin may grant`,
  field: `${field}.profile`,
  accepted: 'an operator token of role admin',
});

const notAnAddress = (address: string): Refused => ({
  reason: 'malformedName',
  detail: `"${printable(address)}" is no address`,
  field: 'addresses',
});

/** Bounded and without control characters. */
