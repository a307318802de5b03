// Routes about the service itself: a nonce, its health, what monitoring asks, and what its problems mean.
import { problemTitle } from '../problems.ts';
import { nothingHere } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { HealthServices, MetricsServices } from '../services.ts';

/** `/v1/nonce`, `/healthz`, `/readyz`, `/metrics`, `/problems/…` */
export const serviceRoutes = (services: HealthServices & MetricsServices): readonly Route[] => [
  // The nonce is in Replay-Nonce, as in every reply.
  route('HEAD', '/v1/nonce', { takes: ['anyone'] }, async () => ({ status: 200, body: null })),
  route('GET', '/healthz', { takes: ['anyone'] }, async () => ({ status: 200, body: { status: 'ok' } })),
  route('GET', '/readyz', { takes: ['anyone'] }, async () => {
    const [database, issuer] = await Promise.all([services.isDatabaseReady(), services.isIssuerReady()]);
    const word = (isReady: boolean): string => (isReady ? 'ready' : 'notReady');
    const isReady = database && issuer;
    return {
      status: isReady ? 200 : 503,
      body: { status: word(isReady), database: word(database), issuer: word(issuer) },
    };
  }),
  route('GET', '/metrics', { takes: ['viewer'], operators: 'remembered' }, async () => ({
    status: 200,
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
    body: await services.metricsText(),
  })),
  route('GET', '/problems/{reason}', { takes: ['anyone'] }, async (r) => {
    const title = problemTitle(r.params.reason);
    if (title === null) return nothingHere('problem type');
    return {
      status: 200,
      headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      body: `${r.params.reason}: ${title}.\n`,
    };
  }),
];
