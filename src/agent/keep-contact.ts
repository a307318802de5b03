// The service in a round of keeping: the regular call, what it answers, and what follows when it cannot be reached.
import type { HostReportAnswer } from '../domain/lineage-wire.ts';
import { wireTime } from '../domain/wire.ts';
import { type Fault, failureOf, faultOf, faultOfRefusal, remainingOf } from './keep-failure.ts';
import { hostReport, targetReport } from './keep-report.ts';
import { recordOf, type Round, save } from './keep-round-state.ts';

/** Opens the way to the service, tells it how the host stands, and takes newer trust anchors. */
export async function call(round: Round): Promise<void> {
  const { ports } = round;
  try {
    round.server = await ports.connect();
  } catch (thrown) {
    return failContact(round, faultOf(thrown, 'request'));
  }
  if (!(await report(round))) return;
  const newest = round.answer?.trustGeneration ?? 0;
  if (await ports.trust.isDue(newest)) await renewTrust(round, newest);
}

/** Tells how the host stands; whether the service took it. Otherwise there is no server for the rest of the round. */
export async function report(round: Round): Promise<boolean> {
  const { ports, server } = round;
  if (server === null) return false;
  try {
    const body = hostReport({ ...(await hostBody(round)), at: wireTime(ports.now()) });
    const answer = await server.report(body);
    if (answer.ok) {
      await heard(round, answer.value);
      return true;
    }
    await failContact(round, faultOfRefusal(answer, 'request'));
  } catch (thrown) {
    await failContact(round, faultOf(thrown, 'request'));
  }
  server.close();
  round.server = null;
  return false;
}

async function hostBody(round: Round) {
  const { ports, targets } = round;
  const told = [];
  for (const target of targets) {
    told.push(targetReport(target, recordOf(round, target), await ports.host.inPlace(target)));
  }
  const [examined, trustGeneration] = [await ports.host.examined(), await ports.trust.generation()];
  return { agentVersion: ports.agentVersion, targets: told, ...examined, trustGeneration };
}

async function heard(round: Round, answer: HostReportAnswer): Promise<void> {
  const now = round.ports.now();
  if (round.kept.contact.failure !== null) round.ports.log('server.back', {});
  round.answer = answer;
  await save(round, {
    ...round.kept,
    contact: {
      reportDueAt: wireTime(new Date(now.getTime() + Math.max(1, answer.callAgainSeconds) * 1000)),
      lastAt: wireTime(now),
      clockDifferenceSeconds: Math.round((new Date(answer.time).getTime() - now.getTime()) / 1000),
      trustGeneration: answer.trustGeneration,
      failure: null,
    },
  });
}

/** Notes that the service could not be used. The pause is no longer than a quarter of the shortest life on this host. */
export async function failContact(round: Round, fault: Fault): Promise<void> {
  const { ports, kept, targets } = round;
  const lives = [];
  for (const target of targets) lives.push(remainingOf(await ports.host.inPlace(target), ports.now()));
  const remainingSeconds = lives.length === 0 ? 86_400 : Math.min(...lives);
  const failure = failureOf(fault, kept.contact.failure, { ports, remainingSeconds });
  const { reason, detail } = fault.error;
  ports.log('server.failed', { reason, detail, failures: failure.count, nextAttemptAt: failure.nextAttemptAt });
  await save(round, { ...kept, contact: { ...kept.contact, failure } });
  if (fault.areKeysLost) round.lost ??= fault;
}

async function renewTrust({ ports }: Round, newest: number): Promise<void> {
  try {
    const taken = await ports.trust.renew();
    if (taken.ok) ports.log('trust.renewed', taken.value);
    else ports.log('trust.refused', { generation: newest, reason: taken.error.reason, detail: taken.error.detail });
  } catch (thrown) {
    const { reason, detail } = faultOf(thrown, 'request').error;
    ports.log('trust.failed', { generation: newest, reason, detail });
  }
}
