// From a profile of V8 to the functions in which the time was spent. Samples of an idle process are left out.
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Own time of one function, without what it calls, as a share of all that was not idle. */
export type SelfTime = { readonly share: number; readonly name: string; readonly where: string };

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Starts to take samples of this process; the function that it gives ends that and tells where the time went. */
export async function startProfile(): Promise<() => Promise<readonly SelfTime[]>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    return selfTimes(profile);
  };
}

/** Every function with a share of at least half a percent, the largest first. */
function selfTimes(profile: Profiler.Profile): readonly SelfTime[] {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const times = new Map<string, number>();
  profile.samples?.forEach((id, index) => {
    const name = names.get(id) ?? '?';
    if (!name.startsWith('(idle)')) times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas?.[index] ?? 0));
  });
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([name, time]) => ({ share: time / total, name: name.split('\t')[0] ?? '', where: name.split('\t')[1] ?? '' }))
    .filter(({ share }) => share >= 0.005)
    .toSorted((a, b) => b.share - a.share);
}

/** Functions without a file are V8's or written in C++. */
function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode['callFrame']): string {
  const path = url.startsWith('file:') ? relative(repository, fileURLToPath(url)) : url;
  return `${functionName || '(anonymous)'}\t${path === '' ? 'native' : `${path}:${lineNumber + 1}`}`;
}
