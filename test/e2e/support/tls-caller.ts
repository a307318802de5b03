// A client that opens one TLS connection after the other, verifies each, and counts. A process of its own: prints one JSON
// line at the end.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';

export type CallerInput = { readonly port: number; readonly serverName: string; readonly caFile: string };

export type Called = { handshakes: number; failures: string[]; certificates: number };

const input = JSON.parse(process.argv[2] ?? '') as CallerInput;
const ca = readFileSync(input.caFile, 'utf8');
const result: Called = { handshakes: 0, failures: [], certificates: 0 };
const seen = new Set<string>();

const once = (): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: input.port, servername: input.serverName, ca, timeout: 5000 });
    socket.once('secureConnect', () => {
      result.handshakes += 1;
      seen.add(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
      resolve();
    });
    const failed = (why: string) => (): void => {
      result.failures.push(`${new Date().toISOString()} ${why}`);
      socket.destroy();
      resolve();
    };
    socket.once('timeout', failed('no answer in 5 s'));
    socket.once('error', (error) => failed(error.message)());
  });

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.stdout.write('calling\n');
while (!stop.signal.aborted) {
  await once();
  await sleep(20);
}
result.certificates = seen.size;
process.stdout.write(`${JSON.stringify(result)}\n`);
