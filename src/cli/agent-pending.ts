// What an enrollment that waits for an operator tells people.
import type { PendingStatus } from '../agent/status.ts';

/** An enrollment that waits, or has just ceased to, and who does what next. */
export function describePending({ state, id, version, ekFingerprint, detail }: PendingStatus): string {
  const next = {
    pending: [
      'the TPM of this host is proved; an operator has to approve it.',
      `endorsement key: ${ekFingerprint}`,
      'the operator compares this with `omens devices pending` and types:',
      `  omens devices approve ${id} --version ${version}`,
      'afterwards run `omens agent enroll` here again.',
    ],
    approved: [`an operator approved enrollment ${id}: run \`omens agent enroll\` here again.`],
    issued: [`the certificates of enrollment ${id} are issued: run \`omens agent enroll\` here again.`],
    refused: [
      `enrollment ${id} was not approved: ${detail ?? 'the service does not say why'}`,
      '`omens agent enroll` begins a new one.',
    ],
  };
  return next[state].map((line) => `${line}\n`).join('');
}
