// Routes of first contact: begun and activated by anyone, read by the host itself, decided on by people.
import { createHash } from 'node:crypto';
import type { EnrollmentAnswer } from '../../domain/wire.ts';
import type { EnrollmentLimits } from '../enrollment-limits.ts';
import { pagingOf } from '../paging.ts';
import { answered, done, found } from '../reply.ts';
import { type Outcome, type Route, route } from '../route.ts';
import type { EnrollmentServices } from '../services.ts';

/** `/v1/enrollments…` */
export const enrollmentRoutes = (services: EnrollmentServices, limits: EnrollmentLimits): readonly Route[] => [
  route(
    'POST',
    '/v1/enrollments',
    { takes: ['anyone'], body: 'EnrollmentBody', maxBodyOctets: 96 * 1024 },
    async (r) => {
      const refusal = await limits.take({ source: r.source, ekPublic: r.body.ekPublic });
      if (refusal !== null) return refusal;
      return answered(await services.beginEnrollment(r.body, r), (value) => ({ status: 201, body: value }));
    },
  ),
  route('GET', '/v1/enrollments', { takes: ['viewer'] }, async (r) =>
    found(
      await services.listEnrollments(
        { state: r.query.state === 'approved' ? 'approved' : 'pending', ...pagingOf(r.query) },
        r,
      ),
    ),
  ),
  route('GET', '/v1/enrollments/{id}', { takes: ['enrolling'] }, async (r) => {
    const { enrollmentId: id, requestKeySha256 } = r.principal;
    return answered(await services.readEnrollment({ id, requestKeySha256 }, r), answerOf);
  }),
  route(
    'POST',
    '/v1/enrollments/{id}/activation',
    { takes: ['anyone'], body: 'ActivationBody', maxBodyOctets: 192 * 1024 },
    async (r) => {
      const bodySha256 = createHash('sha256').update(r.rawBody).digest('hex');
      return answered(await services.activate({ id: r.params.id, body: r.body, bodySha256 }, r), answerOf);
    },
  ),
  route('POST', '/v1/enrollments/{id}/approval', { takes: ['admin'], body: 'ApprovalBody' }, async (r) => {
    const { version, profiles } = r.body;
    const grants = profiles === undefined ? {} : { grants: profiles };
    return answered(
      await services.approveEnrollment({ id: r.params.id, version, ...grants, principal: r.principal }, r),
      found,
    );
  }),
  route('POST', '/v1/enrollments/{id}/rejection', { takes: ['admin'], body: 'RejectionBody' }, async (r) => {
    const { version, reason } = r.body;
    return answered(
      await services.rejectEnrollment({ id: r.params.id, version, reason, principal: r.principal }, r),
      () => done,
    );
  }),
];

const answerOf = (answer: EnrollmentAnswer): Outcome =>
  answer.state === 'pending'
    ? { status: 202, headers: { 'Retry-After': String(answer.retryAfter) }, body: answer }
    : found(answer);
