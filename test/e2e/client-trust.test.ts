// The built executable in an environment that tells Node to verify nobody: the operator token still stays here.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { makePki } from '../http/support/pki.ts';

const run = promisify(execFile);

test('a stranger is not trusted because the environment says that anybody may be', async () => {
  const [own, stranger] = await Promise.all([makePki(), makePki()]);
  const seen: unknown[] = [];
  const server = createServer({ cert: stranger.chainPem, key: stranger.keyPem }, (req, res) => {
    seen.push(req.headers.authorization);
    res.end('{}');
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const directory = mkdtempSync(join(tmpdir(), 'omens-trust-'));
  try {
    const [caFile, tokenFile] = [join(directory, 'root.pem'), join(directory, 'token')];
    writeFileSync(caFile, own.rootPem);
    writeFileSync(tokenFile, 'secret\n', { mode: 0o600 });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ['devices', 'list', '--url', url, '--ca-file', caFile, '--token-file', tokenFile];
    const asked = run(process.execPath, [resolve('dist/src/cli/omens.js'), ...args], {
      env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    });
    await expect(asked).rejects.toMatchObject({ stderr: expect.stringContaining('certificate') });
    expect(seen).toEqual([]);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
