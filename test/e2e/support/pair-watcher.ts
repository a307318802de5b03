// A consumer that never stops reading: opens certificate and key by their public names, again and again, and counts every
// pair that does not fit. A pair that was switched while it was being read is read again, as a program that starts would
// not be running yet; one that is not there at all counts as missing. A process of its own: prints one JSON line at the end.
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** `generation` is the link that is switched; all three are absolute paths. */
export type WatchedPair = { readonly generation: string; readonly certificate: string; readonly key: string };

export type Watched = { reads: number; switched: number; missing: number; unfit: string[] };

const result: Watched = { reads: 0, switched: 0, missing: 0, unfit: [] };

const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

function look({ generation, certificate, key }: WatchedPair): void {
  const before = linkOf(generation);
  let texts: readonly [string, string];
  try {
    texts = [readFileSync(certificate, 'utf8'), readFileSync(key, 'utf8')];
  } catch {
    if (before !== '' && linkOf(generation) === before) result.missing += 1;
    return;
  }
  if (linkOf(generation) !== before) {
    result.switched += 1;
    return;
  }
  result.reads += 1;
  const certified = new X509Certificate(texts[0]).publicKey.export({ type: 'spki', format: 'der' });
  const held = createPublicKey(createPrivateKey(texts[1])).export({ type: 'spki', format: 'der' });
  if (!certified.equals(held)) result.unfit.push(`${certificate} at ${before}`);
}

const pairs = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as readonly WatchedPair[];
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.stdout.write('watching\n');
while (!stop.signal.aborted) {
  for (const pair of pairs) {
    look(pair);
    await sleep(2);
  }
}
process.stdout.write(`${JSON.stringify(result)}\n`);
