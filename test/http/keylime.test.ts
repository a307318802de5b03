// Keylime's REST API over a server of the same shapes (those of registrar and verifier 7.14.3): what is read, what is
// refused, and that a share of a key goes nowhere. Against the real ones: npm test -- keylime.
import { createServer, type Server } from 'node:https';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { KeylimeSettings } from '../../src/domain/keylime.ts';
import { keylime } from '../../src/probes/keylime.ts';
import { readVerified } from '../../src/probes/keylime-replies.ts';
import { throwawayClient } from '../../src/throwaway-client.ts';
import { makePki } from './support/pki.ts';

const directory = mkdtempSync(join(tmpdir(), 'omens-keylime-'));
const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
const pki = await makePki();
const client = throwawayClient(new Date());
const paths = {
  certificateFile: file('client.crt', client.cert),
  keyFile: file('client.key', client.key),
  caFile: file('ca.crt', pki.rootPem),
};

type Reply = { readonly status?: number; readonly body: string; readonly headers?: Record<string, string> };
let server: Server;
let replies: Record<string, Reply> = {};
let asked: string[] = [];

beforeAll(async () => {
  // The client's self-signed certificate is its own CA.
  const tls = { cert: pki.chainPem, key: pki.keyPem, ca: client.cert, requestCert: true, rejectUnauthorized: true };
  server = createServer(tls, (request, response) => {
    asked.push(request.url ?? '');
    const { status = 200, body, headers = {} } = replies[request.url ?? ''] ?? { status: 404, body: '{}' };
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  }).listen(0, 'localhost');
  await new Promise((resolve) => server.once('listening', resolve));
});
afterEach(() => {
  replies = {};
  asked = [];
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

const settings = (over: Partial<KeylimeSettings> = {}): KeylimeSettings => {
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  return {
    ...{ registrarUrl: url, verifierUrl: url, apiVersion: '2.6', everySeconds: 60, ...paths },
    gate: { isEnabled: false, failingForSeconds: 900, passingForSeconds: 300, mostHeld: { hosts: 5 } },
    ...over,
  };
};
const document = (results: unknown): Reply => ({ body: JSON.stringify({ code: 200, status: 'Success', results }) });
const version = (...supported: readonly string[]): Reply =>
  document({ current_version: '2.6', supported_versions: supported });
const a = 'a'.repeat(64);
const status = {
  operational_state: 7,
  v: 'c2VjcmV0',
  attestation_status: 'FAIL',
  last_successful_attestation: 1_700_000_000,
};

describe('Keylime', () => {
  test('is asked in the configured version, and its agents are read', async () => {
    replies = {
      '/version': version('2.5', '2.6', '3.0'),
      '/v2.6/agents': document({ uuids: [a, 'b', a] }),
      '/v2.6/agents/?bulk=true': document({ [a]: status }),
    };
    const { registered, verified } = keylime(settings());
    expect(await registered!()).toEqual({ ok: true, value: [a, 'b'] });
    const agents = await verified!();
    expect(agents).toEqual({
      ok: true,
      value: [
        {
          ...{ agent: a, operationalState: 7, attestationStatus: 'FAIL' },
          lastSuccessfulAttestation: new Date('2023-11-14T22:13:20Z'),
        },
      ],
    });
    expect(JSON.stringify(agents)).not.toContain('c2VjcmV0');
  });

  test('is read although a stranger registered under a name that no agent has', async () => {
    replies = { '/version': version('2.6'), '/v2.6/agents': document({ uuids: ['-x', a, 'ä', '', 'y'.repeat(81)] }) };
    expect(await keylime(settings()).registered!()).toEqual({ ok: true, value: [a] });
  });

  test('of another version is asked in the newest that it has and we know', async () => {
    replies = { '/version': version('2.2', '2.4', '3.0'), '/v2.4/agents': document({ uuids: [] }) };
    expect(await keylime(settings()).registered!()).toEqual({ ok: true, value: [] });
  });

  test('that does not say its versions is believed', async () => {
    replies = { '/v2.6/agents': document({ uuids: [] }) };
    expect((await keylime(settings()).registered!()).ok).toBe(true);
  });

  test('gives the endorsement key of an agent, and nothing for one that was never activated', async () => {
    replies = { '/version': version('2.6'), '/v2.6/agents/b': document({ ek_tpm: 'AAEC', ekcert: null }) };
    const { endorsementKeyOf } = keylime(settings());
    expect(await endorsementKeyOf!('b')).toEqual({ ok: true, value: Uint8Array.of(0, 1, 2) });
    expect(await endorsementKeyOf!('c')).toEqual({ ok: true, value: null });
  });

  test('is asked only where it is configured', () => {
    expect(keylime(settings({ registrarUrl: null }))).toMatchObject({ registered: null, endorsementKeyOf: null });
    expect(keylime(settings({ verifierUrl: null })).verified).toBeNull();
  });

  test('that redirects is not followed', async () => {
    replies = {
      '/version': version('2.6'),
      '/v2.6/agents': { status: 302, body: '', headers: { location: '/elsewhere' } },
    };
    expect(await keylime(settings()).registered!()).toMatchObject({ ok: false, error: { reason: 'keylimeRefused' } });
    expect(asked).not.toContain('/elsewhere');
  });

  test('that answers without end is cut off', async () => {
    replies = { '/version': version('2.6'), '/v2.6/agents': { body: ' '.repeat(5000) } };
    const limited = keylime(settings(), { timeoutMs: 5000, maxOctets: 4096 });
    expect(await limited.registered!()).toMatchObject({ error: { detail: expect.stringMatching(/more than 4096/) } });
  });

  test('under a CA that is not in the file is not asked, and a file that is gone is named', async () => {
    const stranger = keylime(settings({ caFile: file('other.crt', (await makePki()).rootPem) }));
    expect(await stranger.registered!()).toMatchObject({ ok: false, error: { reason: 'keylimeUnreachable' } });
    expect(asked).toEqual([]);
    const gone = await keylime(settings({ keyFile: join(directory, 'gone.key') })).registered!();
    expect(gone).toMatchObject({ error: { detail: expect.stringMatching(/gone\.key/) } });
  });
});

describe('an answer of the verifier', () => {
  const read = (results: unknown) => readVerified(new TextEncoder().encode(JSON.stringify({ results })));

  test('in push mode has no state, and before 7.14 no status', () => {
    expect(read({ x: { ...status, operational_state: null } })).toMatchObject({ value: [{ operationalState: null }] });
    expect(read({ x: { ...status, attestation_status: undefined } })).toMatchObject({
      value: [{ attestationStatus: null, operationalState: 7 }],
    });
    expect(read({ x: { ...status, last_successful_attestation: 0 } })).toMatchObject({
      value: [{ lastSuccessfulAttestation: null }],
    });
  });

  test.each([
    ['a state that is text', { x: { ...status, operational_state: '7' } }],
    ['a state below zero', { x: { ...status, operational_state: -1 } }],
    ['a status in small letters', { x: { ...status, attestation_status: '<b>' } }],
    ['a time beyond the calendar', { x: { ...status, last_successful_attestation: 1e15 } }],
    ['a name with a line break', { 'a\nb': status }],
    ['an agent that is a list', { x: [] }],
    ['a list', []],
  ])('with %s is not understood', (_what, results) => {
    expect(read(results)).toMatchObject({ ok: false, error: { reason: 'malformedKeylimeReply' } });
  });
});
