// Who may look at warnings, acknowledge them and put them off; and bodies that nobody sends in earnest.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, type TestServer } from './support/calls.ts';

let server: TestServer;
const tokens = new Map<string, string>();
beforeAll(async () => {
  server = await startTestServer();
  for (const role of ['viewer', 'issuer', 'admin'] as const) tokens.set(role, await server.world.token(role));
});
afterAll(() => server.close());

const id = '55555555-5555-4555-8555-555555555555';

async function ask(method: 'GET' | 'POST', path: string, role: string, body?: object) {
  server.world.calls.length = 0;
  const reply = await server.call({
    ...{ method, path },
    ...(body === undefined ? {} : { bytes: Buffer.from(JSON.stringify(body)) }),
    headers: {
      authorization: `Bearer ${tokens.get(role) ?? ''}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  });
  const reason = reply.json?.type?.split('/').at(-1);
  return { status: reply.status, reason, json: reply.json, reached: [...server.world.calls] };
}

describe('warnings', () => {
  test.each(['?state=closed&level=critical', `?device=${id}&lineage=${id}`, '?limit=5', ''])(
    'are listed for a viewer by %j',
    async (query) => {
      expect(await ask('GET', `/v1/warnings${query}`, 'viewer')).toMatchObject({
        status: 200,
        reached: ['listWarnings'],
        json: { items: [{ condition: 'renewalMissed', facts: { name: 'tower.example.org' } }], next: null },
      });
    },
  );

  test.each(['?state=pending', '?level=info', '?device=1', '?channel=mail', '?subject=service'])(
    'are not listed by %j',
    async (query) => {
      expect(await ask('GET', `/v1/warnings${query}`, 'viewer')).toMatchObject({ status: 400, reached: [] });
    },
  );

  test('are shown with what was told of them', async () => {
    expect(await ask('GET', `/v1/warnings/${id}`, 'viewer')).toMatchObject({ json: { told: [{ channel: 'mail' }] } });
  });

  test.each(['viewer', 'issuer'])('are neither acknowledged nor put off by a %s', async (role) => {
    for (const [what, body] of [
      ['acknowledgement', {}],
      ['snooze', { until: '2027-01-04T08:00:00Z' }],
    ] as const)
      expect(await ask('POST', `/v1/warnings/${id}/${what}`, role, body)).toMatchObject({ status: 403, reached: [] });
  });

  test('are acknowledged and put off by an admin', async () => {
    expect(await ask('POST', `/v1/warnings/${id}/acknowledgement`, 'admin', { note: 'mine' })).toMatchObject({
      ...{ status: 200, reached: ['acknowledgeWarning'], json: { note: 'mine', acknowledgedBy: 'admin' } },
    });
    const until = '2027-01-04T08:00:00Z';
    expect(await ask('POST', `/v1/warnings/${id}/snooze`, 'admin', { until })).toMatchObject({
      ...{ status: 200, reached: ['snoozeWarning'], json: { snoozedUntil: until, snoozedBy: 'admin' } },
    });
  });

  test.each<[string, string, object]>([
    ['without an end', 'snooze', {}],
    ['until some day', 'snooze', { until: 'tomorrow' }],
    ['with a date alone', 'snooze', { until: '2027-01-04' }],
    ['with a note that moves the cursor', 'snooze', { until: '2027-01-04T08:00:00Z', note: '\u001b[2J' }],
    ['with more words than anybody reads', 'acknowledgement', { note: 'x'.repeat(513) }],
    ['for somebody else', 'acknowledgement', { by: 'operator:ann' }],
  ])('are not changed %s', async (_what, operation, body) => {
    const answer = await ask('POST', `/v1/warnings/${id}/${operation}`, 'admin', body);
    expect(answer).toMatchObject({ status: 400, reason: 'malformedBody', reached: [] });
  });
});

test('deliveries are listed for a viewer, of one channel or of all', async () => {
  for (const query of ['', '?channel=mail&limit=1'])
    expect(await ask('GET', `/v1/deliveries${query}`, 'viewer')).toMatchObject({
      ...{ status: 200, json: { items: [{ channel: 'mail', outcome: null, attempts: 2 }] } },
    });
  for (const query of ['?channel=A.B', '?state=open'])
    expect(await ask('GET', `/v1/deliveries${query}`, 'viewer')).toMatchObject({ status: 400, reached: [] });
});
