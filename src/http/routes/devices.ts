// Routes of hosts and what they may have.
import { pagingOf } from '../paging.ts';
import { answered, found, foundOr } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { DeviceServices } from '../services.ts';

/** `/v1/devices…` */
export const deviceRoutes = (services: DeviceServices): readonly Route[] => [
  route('GET', '/v1/devices', { takes: ['viewer'] }, async (r) => found(await services.listDevices(pagingOf(r.query)))),
  route('POST', '/v1/devices', { takes: ['admin'], body: 'PreregistrationBody' }, async (r) =>
    answered(await services.preregister(r.body, r.principal, r), (value) => ({ status: 201, body: value })),
  ),
  // Before `{id}`: the first route that fits answers.
  route('GET', '/v1/devices/self', { takes: ['device'] }, async (r) =>
    foundOr(await services.showOwnDevice(r.principal.deviceId), 'device'),
  ),
  route('GET', '/v1/devices/{id}', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.showDevice(r.params.id), 'device'),
  ),
  route(
    'PUT',
    '/v1/devices/{id}/grants',
    { takes: ['admin'], body: 'GrantsBody', maxBodyOctets: 256 * 1024 },
    async (r) => {
      const { grants } = r.body;
      return answered(await services.replaceGrants({ id: r.params.id, grants, principal: r.principal }, r), found);
    },
  ),
  route('POST', '/v1/devices/{id}/suspension', { takes: ['admin'] }, async (r) =>
    answered(await services.suspendDevice(r.params.id, r.principal, r), found),
  ),
  route('POST', '/v1/devices/{id}/resumption', { takes: ['admin'] }, async (r) =>
    answered(await services.resumeDevice(r.params.id, r.principal, r), found),
  ),
  route('POST', '/v1/devices/{id}/retirement', { takes: ['admin'] }, async (r) =>
    answered(await services.retireDevice(r.params.id, r.principal, r), found),
  ),
];
