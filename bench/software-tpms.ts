// Many software TPMs of one authority: the hosts of the enrollment bench. Their setup is not what is measured.
import { createHash, X509Certificate } from 'node:crypto';
import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type SoftwareTpm = {
  readonly socketPath: string;
  readonly pid: number;
  readonly ekRootPem: string;
  readonly ekIntermediatePem: string;
  readonly stop: () => Promise<void>;
};

type Starter = (options: { directory: string; authority: string; id: string }) => Promise<SoftwareTpm>;

const repository = join(import.meta.dirname, '../..');

export type TpmsOptions = {
  /** Short: unix sockets have at most 107 octets in their names. */
  readonly directory: string;
  readonly count: number;
  /** So many are set up at a time. */
  readonly parallel: number;
  readonly say: (text: string) => void;
};

/** Makes and starts them. What was started by then is stopped when one fails. */
export async function startTpms({ directory, count, parallel, say }: TpmsOptions): Promise<readonly SoftwareTpm[]> {
  const { startCertifiedSoftwareTpm } = (await import(join(repository, 'scripts/software-tpm.mjs'))) as {
    readonly startCertifiedSoftwareTpm: Starter;
  };
  const tpms: SoftwareTpm[] = [];
  const startOne = async (index: number): Promise<void> => {
    const place = { directory: join(directory, String(index)), authority: join(directory, 'ca') };
    tpms[index] = await startCertifiedSoftwareTpm({ ...place, id: `host-${index}` });
    if ((index + 1) % 50 === 0) say(`${index + 1} software TPMs`);
  };
  let next = 1;
  const lane = async (): Promise<void> => {
    while (next < count) await startOne(next++);
  };
  try {
    await startOne(0); // alone: it makes the authority
    await Promise.all(Array.from({ length: parallel }, lane));
    return tpms;
  } catch (error) {
    next = count;
    await Promise.all(tpms.map((tpm) => tpm.stop()));
    throw error;
  }
}

/** The reviewed policies, and the authority of these TPMs. */
export function writePolicies(directory: string, tpm: Pick<SoftwareTpm, 'ekRootPem' | 'ekIntermediatePem'>): void {
  cpSync(join(repository, 'policies'), directory, { recursive: true });
  for (const [folder, pem] of [
    ['ek-roots', tpm.ekRootPem],
    ['ek-intermediates', tpm.ekIntermediatePem],
  ] as const) {
    const certificate = new X509Certificate(pem);
    writeFileSync(join(directory, folder, 'bench.pem'), certificate.toString());
    const entry = [
      '  - file: bench.pem',
      `    sha256: ${createHash('sha256').update(certificate.raw).digest('hex')}`,
      `    subject: '${certificate.subject.replaceAll('\n', ', ')}'`,
      '    origin: swtpm_localca, made for this run',
      '    note: For software TPMs; trusted by nobody else.',
    ];
    appendFileSync(join(directory, folder, 'manifest.yaml'), `${entry.join('\n')}\n`);
  }
}
