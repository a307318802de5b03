import { simulate } from './simulation.ts';
import { serviceOver } from './service.ts';
import { memoryStore } from './memory-store.ts';
import { judge } from './verdict.ts';
import { sha256Hex } from './keys.ts';
const t = performance.now();
const c = process.cpuUsage();
const o = await simulate({
  seed: Number(process.env.SEED ?? 20260101),
  hosts: Number(process.env.HOSTS ?? 100),
  days: Number(process.env.DAYS ?? 400),
  parallel: 1,
  backend: async (w) => serviceOver(memoryStore(), w, sha256Hex('issuing')),
});
const u = process.cpuUsage(c);
console.log(
  'wall',
  ((performance.now() - t) / 1000).toFixed(1),
  'cpu',
  ((u.user + u.system) / 1e6).toFixed(1),
  'rounds',
  o.rounds,
  Object.fromEntries(o.events),
  'waits',
  o.waits.length,
);
const v = judge(o);
console.log({ ...v, faults: v.faults.length, states: Object.fromEntries(v.states) });
for (const f of v.faults.slice(0, 25)) {
  const h = o.fleet.find((x) => f.startsWith(x.hostName + ' '));
  console.log(
    f,
    h
      ? h.schedule.habit +
          (h.targets[0]!.stageEarly ? ' early' : '') +
          ' clock ' +
          JSON.stringify(
            h.schedule.clockErrors.map((e) => [
              new Date(e.from).toISOString(),
              new Date(e.to).toISOString(),
              e.offset / 86400000,
            ]),
          )
      : '',
  );
}
console.log(Object.fromEntries(o.audit), process.memoryUsage().rss / 2 ** 20);
const by = new Map<string, number[]>();
for (const h of o.fleet) {
  const c = o.calls.get(h.hostName)!;
  const k =
    h.schedule.habit +
    (h.targets[0]!.stageEarly ? ' early' : '') +
    (h.targets[1]!.profile === 'keylime-agent' ? ' 24h' : '');
  const x = by.get(k) ?? [0, 0, 0];
  x[0]! += 1;
  x[1]! += c.all;
  x[2]! += c.boots;
  by.set(k, x);
}
for (const [k, x] of by)
  console.log(k, 'hosts', x[0], 'calls/host', Math.round(x[1]! / x[0]!), 'boots/host', Math.round(x[2]! / x[0]!));
const all = [...o.calls].map(([n, c]) => [n, c.all] as const).sort((a, b) => b[1] - a[1]);
console.log(all.slice(0, 12).join(' '), 'median', all[all.length >> 1]);
