// What lies in a target's place now, read back from the files by which its consumers find it.
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileContent } from './places.ts';
import type { InstalledGeneration } from './put-in-place.ts';
import type { Target } from './target.ts';

/** Null where there is no certificate file, or none in it. Rejects for files that are there and cannot be read. */
export async function installedPair(root: string, target: Target): Promise<InstalledGeneration | null> {
  const read = async (...kinds: readonly FileContent[]): Promise<Buffer | null> => {
    const row = target.table.rows.find(({ content }) => kinds.includes(content));
    if (row === undefined) return null;
    return readFile(join(root, row.path)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    });
  };
  const [leafPem, ...own] = blocksOf(await read('fullChain', 'leaf'));
  const chain = own.length > 0 ? own : blocksOf(await read('chain'));
  const key = target.key.kind === 'devid' ? await devIdKey(read) : await softwareKey(read);
  if (leafPem === undefined || key === null) return null;
  const { raw } = new X509Certificate(leafPem);
  return {
    ...{ generation: 0, leafPem, chainPem: chain.join(''), key },
    certificateSha256: createHash('sha256').update(raw).digest('hex'),
  };
}

type Read = (...kinds: readonly FileContent[]) => Promise<Buffer | null>;

async function devIdKey(read: Read): Promise<InstalledGeneration['key'] | null> {
  const [area, sealed] = [await read('tpmPublic'), await read('tpmPrivate')];
  if (area === null || sealed === null) return null;
  return { kind: 'devid', blobs: { public: new Uint8Array(area), private: new Uint8Array(sealed) } };
}

async function softwareKey(read: Read): Promise<InstalledGeneration['key'] | null> {
  const pem = await read('key');
  return pem === null ? null : { kind: 'software', privateKeyPem: pem.toString('utf8') };
}

const blocksOf = (octets: Buffer | null): readonly string[] =>
  octets?.toString('utf8').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g) ?? [];
