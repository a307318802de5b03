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
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const times = new Map<string, Omit<SelfTime, 'share'> & { time: number }>();
  let total = 0;
  profile.samples?.forEach((id, index) => {
    const name = nodes.get(id)?.callFrame.functionName || '(anonymous)';
    if (name === '(idle)') return;
    const where = placeOf(id, { nodes, parents });
    const entry = times.get(`${name} ${where}`) ?? { name, where, time: 0 };
    const delta = profile.timeDeltas?.[index] ?? 0;
    entry.time += delta;
    total += delta;
    times.set(`${name} ${where}`, entry);
  });
  return [...times.values()]
    .map(({ name, where, time }) => ({ share: time / total, name, where }))
    .filter(({ share }) => share >= 0.005)
    .toSorted((a, b) => b.share - a.share);
}

type Tree = {
  readonly nodes: ReadonlyMap<number, Profiler.ProfileNode>;
  readonly parents: ReadonlyMap<number, number>;
};

/** File and line of a function; of what is V8's, Node's or written in C++, those of the nearest caller that has a file. */
function placeOf(id: number, { nodes, parents }: Tree): string {
  let isCaller = false;
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const frame = nodes.get(at)?.callFrame;
    if (frame?.url.startsWith('file:') === true) {
      const place = `${relative(repository, fileURLToPath(frame.url))}:${frame.lineNumber + 1}`;
      return isCaller ? `native, for ${frame.functionName || '(anonymous)'} ${place}` : place;
    }
    isCaller = true;
  }
  return 'native';
}
