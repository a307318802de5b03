// `omens certs`: what was issued, and taking it back.
import type { Command } from 'commander';
import { type ReasonCode, reasonCodes } from '../domain/certificate.ts';
import type { RevocationResource } from '../domain/revocation-wire.ts';
import { type CertificateResource, wireTime } from '../domain/wire.ts';
import { expiryReason } from '../domain/expiry.ts';
import { describeEvidence } from './evidence-text.ts';
import { wrongUsage } from './failure.ts';
import { print } from './output.ts';
import { type PageOptions, printPage, withPageOptions } from './pages.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import { addConfirmSpireCommand } from './spire.ts';
import { facts } from './table.ts';
import type { World } from './world.ts';

type ListOptions = PageOptions & {
  readonly within?: string;
  readonly profile?: string;
  readonly status?: string;
  readonly device?: string;
  readonly serial?: string;
};

/** Adds the commands. */
export function addCertsCommands(program: Command, world: World): void {
  const certs = program.command('certs').description('certificates that were issued');
  withPageOptions(certs.command('list').description('those that end first at the top'))
    .option('--within <duration>', 'that end within 90s, 15m, 12h, 30d, 2w, or have ended')
    .option('--profile <name>')
    .option('--status <status>', 'good or revoked')
    .option('--device <id>')
    .option('--serial <hex>', 'as openssl prints it')
    .action((options: ListOptions) => listCertificates(world, options));
  withClientOptions(certs.command('show <certificate>').description('one, by SHA-256 or CertID')).action(
    async (certificate: string, options: ClientOptions) => {
      const resource = await ask(world, options, (service) => service.showCertificate(certificate));
      print(world, options, { resource, text: (shown) => describe(shown, world.now()) });
    },
  );
  withClientOptions(
    certs.command('evidence <certificate>').description('why one was issued, by SHA-256 or CertID'),
  ).action(async (certificate: string, options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.certificateEvidence(certificate));
    print(world, options, { resource, text: describeEvidence });
  });
  addConfirmSpireCommand(certs, world);
  withClientOptions(certs.command('revoke <certificate>').description('revoke one, by SHA-256 or CertID'))
    .requiredOption('--reason <reasonCode>', reasonCodes.join(', '))
    .action(async (certificate: string, options: ClientOptions & { readonly reason: string }) => {
      const body = { reasonCode: reasonOf(options.reason) };
      const resource = await ask(world, options, (service) => service.revokeCertificate(certificate, body));
      print(world, options, { resource, text: describeRevocation });
    });
}

const listCertificates = (world: World, options: ListOptions): Promise<void> => {
  const { within, profile, device } = options;
  const [status, serial] = [statusOf(options.status), serialOf(options.serial)];
  return printPage<CertificateResource>(world, options, {
    list: (service, page) => service.findCertificates({ ...page, within, profile, status, device, serial }),
    columns: {
      headings: ['CERTIFICATE', 'PROFILE', 'SUBJECT', 'NOT AFTER', 'STATUS'],
      row: (item) => [item.certificate.slice(0, 16), item.profile, item.subject, item.notAfter, item.status],
    },
  });
};

function statusOf(text: string | undefined): CertificateResource['status'] | undefined {
  if (text === undefined || text === 'good' || text === 'revoked') return text;
  throw wrongUsage(`--status ${text} is neither good nor revoked`);
}

/** A serial number as `openssl x509` prints it, in capitals or with colons, in the form of the API. */
function serialOf(text: string | undefined): string | undefined {
  const serial = text?.replaceAll(':', '').toLowerCase();
  if (serial === undefined || /^(?:[0-9a-f]{2}){1,20}$/.test(serial)) return serial;
  throw wrongUsage(`--serial ${text} is no serial number`, 'accepted: at most 20 octets in hex, colons allowed');
}

function reasonOf(text: string): ReasonCode {
  const found = reasonCodes.find((code) => code === text);
  if (found !== undefined) return found;
  throw wrongUsage(`--reason ${text} is no reason code`, `accepted: ${reasonCodes.join(', ')}`);
}

function describeRevocation({ certificate, subject, reasonCode, changed, revokedSerials }: RevocationResource): string {
  const told = `${certificate} (${subject})`;
  if (!changed) return `${told} was revoked before (${reasonCode ?? 'unspecified'}): nothing has changed\n`;
  const others = revokedSerials > 1 ? `, and ${revokedSerials - 1} more of the same key` : '';
  return `${told} is revoked (${reasonCode ?? 'unspecified'})${others}; the CRL follows within a minute or so\n`;
}

/** One certificate for people, its PEM last. */
function describe(certificate: CertificateResource, now: Date): string {
  const validity = { notBefore: new Date(certificate.notBefore), notAfter: new Date(certificate.notAfter) };
  const { status, reasonCode } = certificate;
  const told = facts([
    ['certificate', certificate.certificate],
    ['profile', certificate.profile],
    ['subject', certificate.subject],
    ['names', [...certificate.dnsNames, ...certificate.ipAddresses, ...certificate.uris].join(', ') || null],
    ['serial', certificate.serial],
    ['issuer', certificate.issuer],
    [
      'valid',
      `${certificate.notBefore} to ${certificate.notAfter} (at ${wireTime(now)}: ${expiryReason(validity, now)})`,
    ],
    ['renew at', certificate.renewAt],
    ['status', reasonCode === null ? status : `${status} (${reasonCode})`],
    ['device', certificate.device],
    ['lineage', certificate.lineage],
  ]);
  return `${told}\n${certificate.pem}`;
}
