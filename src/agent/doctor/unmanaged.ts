// Certificates that stand on this host and that this agent does not keep. They are told to the inventory, where they grant
// nothing. A list of files, not a judgement: what is wrong with them stands in the findings.
import { wireTime } from '../../domain/wire.ts';
import { isSelfSigned } from '../../x509/ca-link.ts';
import { commonNameOf } from '../../x509/distinguished-name.ts';
import type { UnmanagedCertificate } from '../../domain/lineage-wire.ts';
import { type LeafFile, leafFiles, nameText } from './leaves.ts';
import { type FilePorts, type FileScene, observeFiles } from './scene.ts';
import { leafFault } from './leaf-faults.ts';

/** More than a host should have; what is beyond is left out. */
const mostReported = 200;

/** The certificates that were found in the known places and that no target of this agent put there. */
export async function unmanagedCertificates(ports: FilePorts): Promise<readonly UnmanagedCertificate[]> {
  return unmanagedIn(await observeFiles(ports));
}

/** The same of what was observed. */
const unmanagedIn = (scene: FileScene): readonly UnmanagedCertificate[] =>
  leafFiles(scene)
    .filter((leaf) => !isManaged(scene, leaf))
    .slice(0, mostReported)
    .map((leaf) => ({
      path: leaf.path,
      sha256: leaf.sha256,
      subject: nameText(leaf.certificate.subject),
      issuer: nameText(leaf.certificate.issuer),
      notBefore: wireTime(leaf.certificate.notBefore),
      notAfter: wireTime(leaf.certificate.notAfter),
      fault: leafFault(scene, leaf),
    }));

/** A managed path with another certificate in it is not managed: somebody put it there. */
const isManaged = ({ managed, state }: FileScene, { sha256, certificate }: LeafFile): boolean =>
  managed.some(({ certificateSha256 }) => certificateSha256 === sha256) ||
  // The node-local client, which this agent signs itself.
  (state !== null && commonNameOf(certificate.subject) === `node-local.${state.hostName}` && isSelfSigned(certificate));
