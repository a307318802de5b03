// The log socket of this machine. It takes datagrams, which Node cannot send to a path, so `logger` does it: part of
// util-linux, which every Debian has. No shell, and nothing of a text in its arguments.
import { spawn } from 'node:child_process';
import type { SendOutcome } from '../domain/message.ts';
import { laterOutcome } from './transport.ts';

/** One line, with the number of facility and severity that goes before it. */
export type Entry = { readonly priority: number; readonly text: string };

/** Room for the longest line; what is longer would come as two. */
const maxLineOctets = '4096';

/**
 * Its own form of a line, not RFC 5424: what systemd's journal and the daemons read from this socket is a priority and
 * `omens[pid]:` before the text, and the rest would be shown as text.
 */
export function sendByLogger({
  path,
  entries,
  deadline,
}: {
  readonly path: string;
  readonly entries: readonly Entry[];
  readonly deadline: number;
}): Promise<SendOutcome> {
  const args = ['--socket', path, '--socket-errors=on', '--prio-prefix', '--tag', 'omens', '--size', maxLineOctets];
  return new Promise((resolve) => {
    const child = spawn('logger', [...args, `--id=${process.pid}`], {
      ...{ stdio: ['pipe', 'ignore', 'pipe'] as const, timeout: deadline, killSignal: 'SIGKILL' as const },
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < 1000) complaint += chunk.toString('utf8');
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      resolve(laterOutcome(isMissing ? 'logger is not installed; it is in util-linux' : error.message));
    });
    // It also ends with 0 when a line could not be sent: then it complains.
    child.on('close', (code) => {
      const detail = complaint === '' ? `logger did not end within ${deadline / 1000} s` : complaint;
      // With another code it could not open the socket, and no line has left.
      const isUnsure = code === 0 || code === null;
      resolve(code === 0 && complaint === '' ? { accepted: true } : laterOutcome(detail, { isUnsure }));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(entries.map(({ priority, text }) => `<${priority}>${text}\n`).join(''));
  });
}
