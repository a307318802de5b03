// What the TPM's answers mean for this host, and whether its DevID is one.
import { critical, type Finding, fine, warning } from './finding.ts';
import { isSoftwareKeyDevId } from './leaf-faults.ts';
import { isInDevIdPlace, leafFiles } from './leaves.ts';
import type { FileScene } from './scene.ts';
import type { TpmFacts } from './tpm-facts.ts';

const runbook = 'docs/runbooks/tpm-cleared-or-board-replaced.md';

/** The checks of the TPM itself. */
export function tpmFindings(facts: TpmFacts, state: FileScene['state']): readonly Finding[] {
  if (facts.state !== 'present') {
    const fix = facts.hint ?? 'omens agent status --tpm SPEC tries another one';
    return [critical(facts.state === 'absent' ? 'tpm-absent' : 'tpm', { detail: facts.detail, fix })];
  }
  const found = [...lockoutFindings(facts), ...identityFindings(facts, state), ...brokenKeys(facts, state)];
  return found.length > 0 ? found : [fine('tpm', { detail: `answers; ${facts.keys.length} keys tried, all work` })];
}

type Present = Extract<TpmFacts, { readonly state: 'present' }>;

function lockoutFindings({ isInLockout, lockoutCounter, maxAuthFail }: Present): readonly Finding[] {
  const counted = lockoutCounter === null ? '' : ` (${lockoutCounter} of ${maxAuthFail ?? '?'} wrong passwords)`;
  if (isInLockout) {
    const detail = `is locked by wrong passwords${counted}: keys with dictionary-attack protection do not work`;
    return [
      critical('tpm-lockout', {
        detail,
        fix: 'tpm2_dictionarylockout --clear-lockout, or wait; tpm2_getcap properties-variable says how long',
      }),
    ];
  }
  if (lockoutCounter === null || maxAuthFail === null || lockoutCounter * 2 < maxAuthFail || maxAuthFail === 0)
    return [];
  const detail = `some program tries wrong passwords${counted}`;
  return [
    warning('tpm-lockout', { detail, fix: 'find it: a wrong devid_password or tpm_ownerpassword in a configuration' }),
  ];
}

function identityFindings({ hashEk }: Present, state: FileScene['state']): readonly Finding[] {
  const enrolled = state?.device?.keylimeUuid ?? null;
  if (enrolled === null || hashEk === null || enrolled === hashEk) return [];
  const detail = `is another one than was enrolled: its hash_ek is ${hashEk}, the device's is ${enrolled}`;
  return [critical('tpm-replaced', { detail, fix: `an operator decides: ${runbook}` })];
}

function brokenKeys({ keys, hashEk }: Present, state: FileScene['state']): readonly Finding[] {
  const enrolled = state?.device?.keylimeUuid ?? null;
  const isSameTpm = enrolled !== null && hashEk === enrolled;
  return keys.flatMap(({ name, fault }) => {
    if (fault === null) return [];
    const why = isSameTpm ? '; its EK is still the same, so that its owner hierarchy was cleared' : '';
    const fix = isSameTpm
      ? 'omens agent enroll --new-keys'
      : `omens agent enroll --new-keys, if the TPM is the right one: ${runbook}`;
    return [critical('tpm-key', { detail: `the ${name} does not work: ${fault}${why}`, fix })];
  });
}

/** Certificates where DevIDs stand, against the TPM key that stands beside them. */
export const devIdFindings = (scene: FileScene): readonly Finding[] =>
  leafFiles(scene)
    .filter(isInDevIdPlace)
    .flatMap((leaf) => {
      if (!isSoftwareKeyDevId(scene, leaf)) return [];
      const detail =
        scene.devIdKey === null
          ? 'no TPM key stands beside it (devid.pub): nothing shows that it certifies one'
          : 'certifies another key than the TPM key in devid.pub: a software key, which was thrown away or lies somewhere';
      const fix =
        'omens agent enroll, or omens agent renew on an enrolled host: the agent replaces it and keeps it as generation 0';
      return [critical('softwareKeyDevId', { path: leaf.path, detail, fix })];
    });
