// Routes of tokens, for hosts and for people. Their secrets stand in the answer to POST only.
import { principalText } from '../../domain/principal.ts';
import { pagingOf } from '../paging.ts';
import { answered, done, found } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { AccessServices, EnrollmentServices } from '../services.ts';

/** `/v1/enrollment-tokens…`, `/v1/operator-tokens…` */
export const tokenRoutes = (services: EnrollmentServices & AccessServices): readonly Route[] => [
  route('POST', '/v1/enrollment-tokens', { takes: ['admin'], body: 'EnrollmentTokenBody' }, async (r) =>
    answered(await services.createEnrollmentToken(r.body, r.principal, r), (value) => ({ status: 201, body: value })),
  ),
  route('GET', '/v1/enrollment-tokens', { takes: ['admin'] }, async (r) =>
    found(await services.listEnrollmentTokens(pagingOf(r.query))),
  ),
  route('DELETE', '/v1/enrollment-tokens/{id}', { takes: ['admin'] }, async (r) =>
    answered(await services.deleteEnrollmentToken(r.params.id, r.principal, r), () => done),
  ),
  route('POST', '/v1/operator-tokens', { takes: ['admin'], body: 'OperatorTokenBody' }, async (r) =>
    answered(
      await services.createOperatorToken(
        r.body,
        { text: principalText(r.principal), sources: r.principal.limits.sources },
        r,
      ),
      (value) => ({ status: 201, body: value }),
    ),
  ),
  route('GET', '/v1/operator-tokens', { takes: ['admin'] }, async (r) =>
    found(await services.listOperatorTokens(pagingOf(r.query))),
  ),
  route('DELETE', '/v1/operator-tokens/{id}', { takes: ['admin'] }, async (r) =>
    answered(await services.revokeOperatorToken(r.params.id, principalText(r.principal), r), () => done),
  ),
];
