// The one file that knows Express: takes requests off the wire with their caps, hands plain data to the pipeline, and
// puts plain data back. It decides nothing about a request beyond its size and whether a route has its path.
import type { IncomingMessage, RequestListener } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { formatIpAddress, parseIpAddress } from '../domain/names.ts';
import type { WireReply } from './edge.ts';
import { type EdgePorts, type MountedRoute, problemRefuser, refused, type Refuser } from './pipeline.ts';
import type { Outcome } from './route.ts';

/** No URL of ours comes near this many characters. */
const maxUrlCharacters = 4096;

/** What is thrown away, at most, of a body that is too large, so that its sender still hears why. */
const discardedOctets = 1024 * 1024;

/** The request listener of one set of routes. The first route that fits answers; `unknownPath` when none does. */
export function expressListener(
  routes: readonly MountedRoute[],
  edge: EdgePorts,
  unknownPath: Refuser = problemRefuser(edge),
): RequestListener {
  const app = express();
  const problem = problemRefuser(edge);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('case sensitive routing');
  app.enable('strict routing');

  app.use((req: Request, res: Response, next: NextFunction) => {
    if (req.originalUrl.length <= maxUrlCharacters) next();
    else refuse(problem, req, res, refused('urlTooLong', `the URL has more than ${maxUrlCharacters} characters`));
  });
  for (const route of routes) {
    const method = methodNames[route.method];
    app[method](pathPattern(route.path), (req: Request, res: Response) => serve(route, req, res));
  }
  for (const [path, refuser] of new Map(routes.map((route) => [route.path, route.refuse]))) {
    const allow = allowed(routes.filter((route) => route.path === path));
    app.all(pathPattern(path), (req: Request, res: Response) => {
      const outcome = refused('methodNotAllowed', 'the resource does not know this method', { accepted: allow });
      refuse(refuser, req, res, { ...outcome, headers: { Allow: allow } });
    });
  }
  app.use((req: Request, res: Response) =>
    refuse(unknownPath, req, res, refused('notFound', 'no resource has this path')),
  );
  // Four parameters make it Express's handler of errors: here only of paths that cannot be decoded.
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) next(error);
    else refuse(problem, req, res, errorOutcome(edge, error));
  });
  return app;
}

const methodNames = { GET: 'get', HEAD: 'head', POST: 'post', PUT: 'put', DELETE: 'delete' } as const;

/** `{name}` of the contract as Express writes it. */
const pathPattern = (path: string): string => path.replaceAll(/\{([a-z]+)\}/g, ':$1');

const allowed = (routes: readonly MountedRoute[]): string =>
  [...new Set(routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].join(', ');

async function serve(route: MountedRoute, req: Request, res: Response): Promise<void> {
  const rawBody = await readBody(req, route.maxBodyOctets);
  if (rawBody === 'aborted') return;
  if (rawBody === 'tooLarge') {
    res.setHeader('Connection', 'close');
    const detail = `the body has more than ${route.maxBodyOctets} octets`;
    refuse(
      route.refuse,
      req,
      res,
      refused('bodyTooLarge', detail, { accepted: `at most ${route.maxBodyOctets} octets` }),
    );
    return;
  }
  const { method, originalUrl: target, rawHeaders, params } = req;
  send(res, await route.serve({ method, target, rawHeaders, params, rawBody, source: sourceOf(req) }));
}

/** The body, capped while it is read: neither a long Content-Length nor endless chunks are ever held. */
async function readBody(req: IncomingMessage, maxOctets: number): Promise<Uint8Array | 'tooLarge' | 'aborted'> {
  const chunks: Buffer[] = [];
  let octets = 0;
  if (Number(req.headers['content-length'] ?? 0) > maxOctets + discardedOctets) return 'tooLarge';
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      octets += chunk.length;
      if (octets <= maxOctets) chunks.push(chunk);
      else chunks.length = 0;
      if (octets > maxOctets + discardedOctets) break;
    }
  } catch {
    return 'aborted'; // The peer went away; there is nobody to answer.
  }
  return octets > maxOctets ? 'tooLarge' : new Uint8Array(Buffer.concat(chunks));
}

function refuse(refuser: Refuser, req: Request, res: Response, outcome: Outcome): void {
  const { method, rawHeaders } = req;
  const path = req.originalUrl.split('?')[0]?.slice(0, 200) ?? '';
  send(res, refuser({ method, rawHeaders, path, source: sourceOf(req) }, outcome));
}

function errorOutcome(edge: EdgePorts, error: unknown): Outcome {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  if (status === 400) return refused('malformedUrl', 'the path cannot be decoded');
  edge.log('http.fault', { fault: error });
  return refused('internal', 'See the log of the server under this request id.');
}

function send(res: Response, reply: WireReply): void {
  if (res.destroyed) return;
  res.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers)) res.setHeader(name, value);
  if (reply.status !== 204) res.setHeader('Content-Length', reply.body.length);
  res.end(reply.body);
}

/** The peer's address in its one spelling; an IPv4 peer of a dual-stack socket counts as IPv4. */
function sourceOf(req: IncomingMessage): string {
  const address = req.socket.remoteAddress?.replace(/%.*$/, '').replace(/^::ffff:(?=[0-9.]+$)/i, '') ?? '';
  const octets = parseIpAddress(address);
  return octets === null ? address : formatIpAddress(octets);
}
