// One look at a program after it has taken a certificate into use: a port, a health page, the certificate that is really
// served, or a command. Asks again until it is well or the time is over.
import { createHash } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { RunCommand } from './run-command.ts';
import type { PostCheck } from './target.ts';

/** `served`: SHA-256 of the leaf that was served, where one was seen. */
export type CheckResult = { readonly ok: boolean; readonly detail: string; readonly served: string | null };

export type CheckPorts = { readonly run: RunCommand; readonly sleep: (milliseconds: number) => Promise<void> };

const pauseMilliseconds = 500;
const mostSecondsAtOnce = 5;

/** Looks until it is well, at most `withinSeconds`. `expected` is the SHA-256 of the leaf that was installed. */
export async function postCheck(ports: CheckPorts, check: PostCheck, expected: string | null): Promise<CheckResult> {
  const end = performance.now() + check.withinSeconds * 1000;
  for (let left = Math.ceil((check.withinSeconds * 1000) / pauseMilliseconds); ; left -= 1) {
    const seconds = Math.max(1, Math.min(mostSecondsAtOnce, (end - performance.now()) / 1000));
    const result = await once(ports, check, { expected, seconds });
    if (result.ok || left <= 1 || performance.now() + pauseMilliseconds > end) return result;
    await ports.sleep(pauseMilliseconds);
  }
}

/** What a check is called in reports. */
export function nameOfCheck(check: PostCheck): string {
  switch (check.kind) {
    case 'tcp':
      return `tcp ${check.host}:${check.port}`;
    case 'url':
      return `url ${check.url}`;
    case 'served':
      return `served ${check.host}:${check.port}`;
    case 'command':
      return `command ${check.command.join(' ')}`;
    default:
      return check satisfies never;
  }
}

type Once = { readonly expected: string | null; readonly seconds: number };

async function once(ports: CheckPorts, check: PostCheck, { expected, seconds }: Once): Promise<CheckResult> {
  switch (check.kind) {
    case 'tcp':
      return accepts(check, seconds);
    case 'url':
      return answers(check.url, { expected, seconds });
    case 'served':
      return serves(check, { expected, seconds });
    case 'command': {
      const result = await ports.run(check.command, seconds);
      const output = result.output === '' ? '' : `: ${result.output}`;
      return { ok: result.ok, detail: `${result.ok ? 'done' : result.detail}${output}`, served: null };
    }
    default:
      return check satisfies never;
  }
}

const failed = (detail: string, served: string | null = null): CheckResult => ({ ok: false, detail, served });
const well = (detail: string, served: string | null = null): CheckResult => ({ ok: true, detail, served });

type Place = { readonly host: string; readonly port: number };

const accepts = ({ host, port }: Place, seconds: number): Promise<CheckResult> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: CheckResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(seconds * 1000, () => end(failed(`no connection within ${Math.round(seconds)} s`)));
    socket.once('connect', () => end(well('accepts connections')));
    socket.once('error', (error) => end(failed(error.message)));
  });

/** By https the answer must come under the installed certificate: no other is trusted, and no CA is asked. */
const answers = (url: string, { expected, seconds }: Once): Promise<CheckResult> =>
  new Promise((resolve) => {
    const isHttps = url.startsWith('https:');
    const options = { timeout: seconds * 1000, agent: false } as const;
    const request = isHttps ? requestHttps(url, { ...options, rejectUnauthorized: false }) : requestHttp(url, options);
    const end = (result: CheckResult): void => {
      request.destroy();
      resolve(result);
    };
    request.once('timeout', () => end(failed(`no answer within ${Math.round(seconds)} s`)));
    request.once('error', (error) => end(failed(error.message)));
    request.once('response', (response) => {
      const { statusCode: status = 0 } = response;
      response.resume();
      const served = isHttps ? leafOf(response.socket) : null;
      if (isHttps && served !== expected) {
        end(another(served));
        return;
      }
      end(status >= 200 && status < 300 ? well(`answers ${status}`, served) : failed(`answers ${status}`, served));
    });
    request.end();
  });

const another = (served: string | null): CheckResult =>
  failed(served === null ? 'no certificate was served' : `serves another certificate, ${served}`, served);

/** Under TLS 1.3 the server's certificate is seen even where it wants one of ours, which we do not have. */
const serves = (place: Place & { readonly serverName: string | null }, wished: Once): Promise<CheckResult> =>
  new Promise((resolve) => {
    const { host, port, serverName } = place;
    const name = serverName === null ? {} : { servername: serverName };
    const socket = connectTls({ host, port, ...name, rejectUnauthorized: false });
    const end = (result: CheckResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(wished.seconds * 1000, () => end(failed(`no handshake within ${Math.round(wished.seconds)} s`)));
    socket.once('error', (error: Error) => end(failed(error.message)));
    socket.once('secureConnect', () => {
      const served = leafOf(socket);
      end(
        served !== null && served === wished.expected
          ? well('serves the installed certificate', served)
          : another(served),
      );
    });
  });

function leafOf(socket: Socket): string | null {
  if (!(socket instanceof TLSSocket)) return null;
  // An object without members where there is none.
  const { raw } = socket.getPeerCertificate() as { readonly raw?: Buffer };
  return raw === undefined ? null : createHash('sha256').update(raw).digest('hex');
}
