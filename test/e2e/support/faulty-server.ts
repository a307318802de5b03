// The real server with one fault built in: at a named step of issuance its process is killed, as by a power cut. Every
// signature is written down, durably, by the one place that makes signatures, so that a test can ask the database for each.
import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs';
import type { IssuancePorts } from '../../../src/issuance/issue.ts';
import { serve } from '../../../src/main.ts';
import type { Step } from './faults.ts';

/** `FAULT_AT` names the step, `SIGNATURES` the file of SHA-256 of every signed TBSCertificate; without it, none. */
const faultAt = process.env['FAULT_AT'];
const signatures = process.env['SIGNATURES'];

const reach = (step: Step): void => {
  if (step === faultAt) process.kill(process.pid, 'SIGKILL');
};

function writeDown(tbs: Uint8Array): void {
  if (signatures === undefined) return;
  appendFileSync(signatures, `${createHash('sha256').update(tbs).digest('hex')}\n`);
  const file = openSync(signatures, 'r');
  fsyncSync(file);
  closeSync(file);
}

/** Faults only from the first request on: the server's own certificate is issued before it listens. */
let isListening = false;

const wrapIssuance = (ports: IssuancePorts): IssuancePorts => ({
  ...ports,
  issuerFor: (domain) => {
    const issuer = ports.issuerFor(domain);
    const sign = async (octets: Uint8Array): Promise<Uint8Array> => {
      if (isListening) reach('before signature');
      const signature = await issuer.signer.sign(octets);
      writeDown(octets);
      if (isListening) reach('after signature');
      return signature;
    };
    return { ...issuer, signer: { ...issuer.signer, sign } };
  },
  store: {
    ...ports.store,
    recordIntent: async (intent) => {
      if (isListening) reach('before intent');
      const outcome = await ports.store.recordIntent(intent);
      if (isListening) reach('after intent');
      return outcome;
    },
    recordIssued: async (result) => {
      if (isListening) reach('before result');
      const isStored = await ports.store.recordIssued(result);
      if (isListening) reach('after result');
      return isStored;
    },
  },
});

const [configFile = ''] = process.argv.slice(2);
const server = await serve({ configFile, env: process.env, wrapIssuance });
isListening = true;
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ url: server.url, databaseUrl: server.databaseUrl })}\n`);
