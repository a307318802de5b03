// Many software TPMs of one authority: the hosts of the enrollment bench. Their setup is not what is measured.
import { join } from 'node:path';

export type SoftwareTpm = {
  readonly socketPath: string;
  readonly pid: number;
  readonly ekRootPem: string;
  readonly ekIntermediatePem: string;
  readonly stop: () => Promise<void>;
};

/** Of scripts/software-tpm.mjs, which is plain JavaScript and not compiled into dist/. */
type SoftwareTpms = {
  readonly startCertifiedSoftwareTpm: (options: {
    readonly directory: string;
    readonly authority: string;
    readonly id: string;
  }) => Promise<SoftwareTpm>;
  readonly writePoliciesTrusting: (options: {
    readonly from: string;
    readonly directory: string;
    readonly tpm: SoftwareTpm;
  }) => Promise<void>;
};

/** From the sources, or from their build. */
const repository = join(import.meta.dirname, import.meta.dirname.includes('/dist/') ? '../..' : '..');

const software = async (): Promise<SoftwareTpms> =>
  (await import(join(repository, 'scripts/software-tpm.mjs'))) as SoftwareTpms;

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
  const { startCertifiedSoftwareTpm } = await software();
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
export const writePolicies = async (directory: string, tpm: SoftwareTpm): Promise<void> =>
  (await software()).writePoliciesTrusting({ from: join(repository, 'policies'), directory, tpm });
