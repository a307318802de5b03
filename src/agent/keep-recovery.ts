// Recovery of a host whose keys are lost: the same enrollment that a person would run with --new-keys, without a token.
// Whether it is allowed, the service decides; whether it is due, the round did.
import { loadState } from './agent-state.ts';
import { enroll } from './enroll.ts';
import type { EnrollWishes } from './errand.ts';
import type { KeepRecovery } from './keep-ports.ts';
import type { Machine } from './keep-machine.ts';
import type { Session } from './keep-session.ts';

/** The port of a round. */
export const recoveryOf = (machine: Machine, session: () => Session): KeepRecovery => ({
  get mode() {
    return session().config.recover;
  },
  enroll: () => recover(machine, session()),
});

async function recover(machine: Machine, { state, config, targets, passwords }: Session) {
  const { root, uid, now, sleep, progress, withTpm, run, service } = machine;
  const outcome = await enroll(
    {
      ...{ root, uid, now, sleep, progress, withTpm, run, passwords, targets, ownName: state.hostName },
      connect: (server) => service.enroll(server, { now, sleep, progress }),
    },
    {
      state: await loadState(root),
      patience: 'once',
      wishes: {
        ...{ server: null, token: null, hostName: state.hostName, tpm: machine.tpm ?? config.tpm },
        ...(isUnderWay(state)
          ? { oldKeys: 'keep', profiles: [] }
          : {
              oldKeys: 'discard',
              profiles: targets.map(({ profile, dnsNames }) => ({ profile, ...(dnsNames && { dnsNames }) })),
            }),
      } satisfies EnrollWishes,
    },
  );
  if (outcome.state === 'issued') return { state: 'issued' } as const;
  const detail = `enrollment ${outcome.id} waits for an operator; endorsement key ${outcome.ekFingerprint}`;
  return { state: 'pending', detail } as const;
}

const tpmReasons: ReadonlySet<string> = new Set(['tpmCleared', 'tpmReplaced']);

/** An enrollment that was begun goes on with its keys, which the service does not know yet, unless the TPM lost them too. */
const isUnderWay = ({ enrollment, kept }: Session['state']): boolean =>
  enrollment !== null && !tpmReasons.has(kept.contact.failure?.error.reason ?? '');
