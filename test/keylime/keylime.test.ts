// Registrar and verifier of Keylime as they are, asked by our monitor and looked at by our probe. Runs only when named:
// `npm test -- keylime`, with a Python that has the module `keylime` (python3, or KEYLIME_PYTHON). Last run with 7.14.3.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Endpoint } from '../../src/domain/endpoint.ts';
import { type KeylimeSettings, stateName } from '../../src/domain/keylime.ts';
import { keylime } from '../../src/probes/keylime.ts';
import { probeEndpoint } from '../../src/probes/tls-endpoint.ts';
import { throwawayClient } from '../../src/throwaway-client.ts';
import { estateByOpenssl } from '../interop/estate-by-openssl.ts';
import { startKeylime } from './programs.ts';

const estate = estateByOpenssl();
const directory = mkdtempSync(join(tmpdir(), 'omens-keylime-'));
const [ours, failing] = ['a'.repeat(64), 'c'.repeat(64)];
let ports: { readonly registrarHttp: number; readonly registrar: number; readonly verifier: number };
let running: Awaited<ReturnType<typeof startKeylime>> | undefined;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  estate.addLeaf('registrar', { san: 'DNS:localhost,IP:127.0.0.1' });
  estate.addLeaf('monitor', { purpose: 'clientAuth', san: '' });
  estate.bundle('whole.pem', 'registrar', 'issuing');
  estate.bundle('authorities.pem', 'issuing', 'root');
  ports = { registrarHttp: await freePort(), registrar: await freePort(), verifier: await freePort() };
  running = await startKeylime({ directory, tlsDirectory: estate.path, ports });
  running.fill([ours, 'b'.repeat(64)], { [ours]: 3, [failing]: 7 });
}, 120_000);
afterAll(async () => {
  await running?.stop();
  estate.remove();
  rmSync(directory, { recursive: true, force: true });
});

const settings = (over: Partial<KeylimeSettings> = {}): KeylimeSettings => ({
  registrarUrl: `https://127.0.0.1:${ports.registrar}`,
  verifierUrl: `https://127.0.0.1:${ports.verifier}`,
  ...{
    certificateFile: estate.at('monitor.crt'),
    keyFile: estate.at('monitor.key'),
    caFile: estate.at('authorities.pem'),
  },
  ...{ apiVersion: '2.6', everySeconds: 60 },
  gate: { isEnabled: false, failingForSeconds: 900, passingForSeconds: 300, mostHeld: { hosts: 5 } },
  ...over,
});

describe('our monitor', () => {
  test('reads every registration, also those that were never activated', async () => {
    const { registered, endorsementKeyOf } = keylime(settings());
    const agents = await registered!();
    expect(agents.ok && agents.value.toSorted()).toEqual([ours, 'b'.repeat(64)]);
    expect(await endorsementKeyOf!(ours)).toEqual({ ok: true, value: null });
  });

  test('reads how every agent stands, and nothing of its key', async () => {
    const agents = await keylime(settings()).verified!();
    const told = agents.ok ? agents.value : [];
    expect(told.map((one) => [one.agent, stateName(one.operationalState), one.attestationStatus]).toSorted()).toEqual([
      [ours, 'getQuote', 'PASS'],
      [failing, 'failed', 'FAIL'],
    ]);
    expect(JSON.stringify(told)).not.toContain('c2VjcmV0');
    expect(told[0]?.lastSuccessfulAttestation).toBeInstanceOf(Date);
  });

  test('finds the version that both have where another one is configured', async () => {
    expect((await keylime(settings({ apiVersion: '2.9' })).verified!()).ok).toBe(true);
  });

  test('is nobody with the certificate of a server', async () => {
    const over = { certificateFile: estate.at('registrar.crt'), keyFile: estate.at('registrar.key') };
    const { registered, verified } = keylime(settings(over));
    for (const asked of [registered, verified]) expect((await asked!()).ok).toBe(false);
  });
});

test.each(['registrar', 'verifier'] as const)(
  'a probe sees that the %s asks, refuses who has none or a wrong one, and takes the monitor',
  async (which) => {
    const endpoint: Endpoint = {
      ...{ name: which, kind: `keylime-${which}`, host: '127.0.0.1', port: ports[which], serverName: '127.0.0.1' },
      ...{ path: '/v2.6/agents', expects: null, trust: { kind: 'domain', domain: 'estate' }, clientAuth: 'demanded' },
      clientCertificate: { certificateFile: estate.at('monitor.crt'), keyFile: estate.at('monitor.key') },
      wrongCertificate: { certificateFile: estate.at('registrar.crt'), keyFile: estate.at('registrar.key') },
      triesThrowaway: true,
    };
    const seen = await probeEndpoint(endpoint, { timeoutMs: 10_000, makeThrowaway: () => throwawayClient(new Date()) });
    expect(seen).toMatchObject({
      ...{ reached: true, isClientAsked: true, withoutCertificate: { kind: 'refused', detail: 'HTTP 403' } },
      withCertificate: { kind: 'taken', detail: 'HTTP 200' },
      wrongClients: [{ reception: { kind: 'refused' } }, { reception: { kind: 'refused' } }],
    });
  },
);
