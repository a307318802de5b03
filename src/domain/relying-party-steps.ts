// What has to be done at relying parties when a host is suspended or retired: neither SPIRE nor Keylime looks at a CRL, so
// somebody has to tell them. Pure; nothing is run here.
import type { DeviceState } from './device.ts';
import type { RelyingPartyStep } from './revocation-wire.ts';
import {
  defaultCommandSettings,
  devidAgentId,
  shellText,
  spireCommands,
  type SpireSettings,
  unknownTrustDomain,
} from './spire.ts';
import { wireTime } from './wire.ts';

/** What the steps stand on. `devids` are the DevID certificates of the device, newest first. */
export type StepFacts = {
  readonly state: DeviceState;
  readonly keylimeUuid: string | null;
  readonly devids: readonly { readonly der: Uint8Array; readonly notAfter: Date }[];
  readonly spire: SpireSettings | null;
  readonly now: Date;
};

/** The steps for a device in this state; none for an active one. */
export function relyingPartySteps(facts: StepFacts): readonly RelyingPartyStep[] {
  if (facts.state === 'active') return [];
  const living = facts.devids.filter(({ notAfter }) => notAfter >= facts.now);
  return [...living.flatMap((devid) => spireSteps(devid, facts)), ...keylimeSteps(facts)];
}

/** Ban now: while the DevID is good, an evicted agent would attest again. An eviction lifts the ban, so it comes last. */
function spireSteps(
  { der, notAfter }: StepFacts['devids'][number],
  { state, spire }: StepFacts,
): readonly RelyingPartyStep[] {
  const id = devidAgentId(spire?.trustDomain ?? unknownTrustDomain, der);
  const settings = spire ?? defaultCommandSettings;
  const ban: RelyingPartyStep = {
    relyingParty: 'spire',
    action: 'ban the agent',
    state: 'due',
    notBefore: null,
    command: shellText(spireCommands.ban(settings, id)),
    because:
      'SPIRE reads no CRL: until the DevID ends, only a ban keeps its agent out (one that never attested is not there to be banned)',
  };
  if (state !== 'retired') return [ban];
  return [
    ban,
    {
      relyingParty: 'spire',
      action: 'evict the agent',
      state: 'notYet',
      notBefore: wireTime(notAfter),
      command: shellText(spireCommands.evict(settings, id)),
      because: 'evicting lifts the ban: only when the DevID has ended',
    },
  ];
}

const keylimeApi = '/v2.6/agents';

/** Calls with a clientAuth certificate of the keylime-control domain; the variables are those of whoever runs them. */
const keylimeDelete = (server: string, port: number, uuid: string): string =>
  [
    'curl --fail --cacert "$KEYLIME_CA" --cert "$KEYLIME_CERT" --key "$KEYLIME_KEY"',
    `--request DELETE "https://${server}:${port}${keylimeApi}/${uuid}"`,
  ].join(' ');

function keylimeSteps({ keylimeUuid, state }: StepFacts): readonly RelyingPartyStep[] {
  if (keylimeUuid === null) return [];
  const step = { state: 'due', notBefore: null } as const;
  const verifier: RelyingPartyStep = {
    ...step,
    relyingParty: 'keylimeVerifier',
    action: 'delete the agent',
    command: keylimeDelete('$KEYLIME_VERIFIER', 8881, keylimeUuid),
    because: 'Keylime reads no CRL: the verifier would go on attesting it',
  };
  if (state !== 'retired') return [verifier];
  return [
    verifier,
    {
      ...step,
      relyingParty: 'keylimeRegistrar',
      action: 'delete the registration',
      command: keylimeDelete('$KEYLIME_REGISTRAR', 8891, keylimeUuid),
      because: 'its UUID is that of this TPM: a new device on it registers anew',
    },
  ];
}
