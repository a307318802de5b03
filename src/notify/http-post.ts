// One POST to a configured URL, and what its answer means for a message. Follows nothing, remembers nothing, reads little,
// and takes no proxy from the environment.
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { SendOutcome } from '../domain/message.ts';
import { type ChannelPorts, laterOutcome, neverOutcome } from './transport.ts';

export type Post = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** PEM of the only CAs that are trusted; null for those of the system. */
  readonly trustedCas: string | null;
};

/** What is read of an answer: enough for a sentence. */
const maxAnswerOctets = 4096;

/** The answer's status has come; its text is waited for only so long. */
const answerGraceMilliseconds = 2000;

/** Sends it once. */
export async function post(
  sent: Post,
  { now, deadlineMilliseconds }: Pick<ChannelPorts, 'now' | 'deadlineMilliseconds'>,
): Promise<SendOutcome> {
  const answer = await exchange(sent, deadlineMilliseconds);
  if ('failure' in answer) return laterOutcome(answer.failure, { isUnsure: answer.wasSent });
  const { status, retryAfter, text } = answer;
  if (status >= 200 && status < 300) return { accepted: true };
  const detail = `the answer was ${status}${text === '' ? '' : `: ${text}`}`;
  if (status >= 300 && status < 400) return laterOutcome(`the answer was ${status}: another address is not followed`);
  if (isAboutMessage(status)) return neverOutcome(detail);
  // A gateway that heard nothing from behind it does not know what became of the message.
  const isUnsure = status === 502 || status === 504;
  return laterOutcome(detail, { isUnsure, retryAfterSeconds: secondsOf(retryAfter, now()) });
}

/** Statuses that speak of this service, its secret, its address or its haste: a person can mend those, or time. */
const aboutUs = [401, 402, 403, 404, 405, 407, 408, 410, 421, 425, 426, 429, 451];

const isAboutMessage = (status: number): boolean => status >= 400 && status < 500 && !aboutUs.includes(status);

const longestRetryAfter = 86_400;

/** Seconds of Retry-After (RFC 9110 §10.2.3), at most a day; null where there is none. */
function secondsOf(retryAfter: string | undefined, now: Date): number | null {
  if (retryAfter === undefined) return null;
  const seconds = /^[0-9]{1,9}$/.test(retryAfter)
    ? Number(retryAfter)
    : Math.ceil((Date.parse(retryAfter) - now.getTime()) / 1000);
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), longestRetryAfter);
}

type Answer =
  | { readonly status: number; readonly retryAfter: string | undefined; readonly text: string }
  /** No answer; `wasSent`: all of the request had left. */
  | { readonly failure: string; readonly wasSent: boolean };

function exchange({ url, headers, body, trustedCas }: Post, deadlineMilliseconds: number): Promise<Answer> {
  const target = new URL(url);
  const signal = AbortSignal.timeout(deadlineMilliseconds);
  const length = String(Buffer.byteLength(body));
  const options: RequestOptions = {
    method: 'POST',
    headers: { 'User-Agent': 'book-of-omens', ...headers, 'Content-Length': length },
    signal,
    maxHeaderSize: 16 * 1024,
  };
  return new Promise((resolve) => {
    let isAnswered = false;
    const onResponse = (response: IncomingMessage): void => {
      isAnswered = true;
      const answer = { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] };
      void beginningOf(response).then((text) => {
        resolve({ ...answer, text });
      });
    };
    // Agents of its own: the global one may have a proxy from the environment, and would keep connections.
    const request =
      target.protocol === 'https:'
        ? requestHttps(target, { ...options, agent: new HttpsAgent(tlsOptions(trustedCas)) }, onResponse)
        : requestHttp(target, { ...options, agent: new HttpAgent() }, onResponse);
    let wasSent = false;
    request.on('finish', () => {
      wasSent = true;
    });
    const late = `there was no answer within ${deadlineMilliseconds / 1000} s`;
    request.on('error', (error: NodeJS.ErrnoException) => {
      const failure = signal.aborted ? late : error.message || (error.code ?? 'the connection failed');
      resolve({ failure, wasSent });
    });
    // An answer that would make it another protocol is none: Node closes the connection then, and says nothing else.
    request.on('close', () => {
      if (!isAnswered) resolve({ failure: signal.aborted ? late : 'the connection ended without an answer', wasSent });
    });
    request.end(body);
  });
}

/** Verified whatever the environment says. */
const tlsOptions = (trustedCas: string | null) => ({
  ...{ rejectUnauthorized: true, minVersion: 'TLSv1.2' as const },
  ...(trustedCas === null ? {} : { ca: trustedCas }),
});

/** What came of the body before it ended, grew too long or took too long; the connection is over then. */
function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString('utf8').slice(0, maxAnswerOctets).trim());
      response.destroy();
    };
    const timer = setTimeout(end, answerGraceMilliseconds);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunks.reduce((sum, { length }) => sum + length, 0) >= maxAnswerOctets) end();
    });
    response.on('end', end);
    response.on('error', end);
    response.on('close', end);
  });
}
