// `omens init`: makes or imports the CAs, and prints the first operator token, once. The work is the server's, which is
// loaded only when this runs.
import { Option, type Command } from 'commander';
import { CommandFailure, wrongUsage } from './failure.ts';
import { printJson } from './output.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

type InitOptions = {
  readonly config?: string;
  readonly keyType: 'ec-p256' | 'rsa-4096';
  readonly rootPassphraseFile?: string;
  readonly importCertificate?: string;
  readonly importKey?: string;
  readonly importChain?: string;
  readonly importKeyPassphraseFile?: string;
  readonly json?: boolean;
};

type Report = Extract<Awaited<ReturnType<typeof import('../main.ts').initialize>>, { readonly ok: true }>['value'];

/** Adds the command. */
export function addInitCommand(program: Command, world: World): void {
  program
    .command('init')
    .description('make the CAs, the database and the first operator token; once')
    .option('--config <file>', 'omens.yaml (OMENS_CONFIG)')
    .addOption(new Option('--key-type <type>', 'of the CA keys').choices(['ec-p256', 'rsa-4096']).default('ec-p256'))
    .option('--root-passphrase-file <file>', 'passphrase of the root keys; without it that of the issuing keys')
    .option('--import-certificate <file>', 'certificate of an issuing CA that the estate has already')
    .option('--import-key <file>', 'its private key')
    .option('--import-chain <file>', 'what stands above it, root last')
    .option('--import-key-passphrase-file <file>', 'passphrase of that key')
    .option('--json', 'print the report as JSON')
    .action((options: InitOptions) => init(world, options));
}

async function init(world: World, options: InitOptions): Promise<void> {
  const { initialize } = await import('../main.ts');
  if (world.isTerminal) world.stderr('omens: making keys and the database …\n');
  const result = await initialize({
    ...(options.config === undefined ? {} : { configFile: options.config }),
    env: world.env,
    keyType: options.keyType,
    ...(options.rootPassphraseFile === undefined ? {} : { rootPassphraseFile: options.rootPassphraseFile }),
    ...imported(options),
  });
  if (!result.ok) {
    throw new CommandFailure(
      result.error.map(({ detail, field }) => (field === undefined ? detail : `${field}: ${detail}`)).join('; '),
      { hints: result.error.flatMap(({ accepted }) => (accepted === undefined ? [] : [accepted])) },
    );
  }
  if (options.json === true) {
    printJson(world, result.value);
    return;
  }
  world.stderr(summary(result.value));
  world.stdout(`${result.value.operatorToken.token ?? ''}\n`);
}

function imported(options: InitOptions): Pick<Parameters<typeof import('../main.ts').initialize>[0], 'importEstate'> {
  const { importCertificate: certificateFile, importKey: keyFile, importChain: chainFile } = options;
  const { importKeyPassphraseFile: keyPassphraseFile } = options;
  if (certificateFile === undefined && keyFile === undefined && chainFile === undefined) return {};
  if (certificateFile === undefined || keyFile === undefined || chainFile === undefined) {
    throw wrongUsage('an import needs --import-certificate, --import-key and --import-chain');
  }
  const passphrase = keyPassphraseFile === undefined ? {} : { keyPassphraseFile };
  return { importEstate: { certificateFile, keyFile, chainFile, ...passphrase } };
}

/** The key of an imported estate's root is elsewhere, and only it can say what hosts shall trust. */
const noTrustBundle: readonly string[] = [
  '',
  'There is no trust bundle yet, since the key of the root of the estate is not here. Where that key is, run',
  '  omens trust sign --root-certificate F --root-key F --passphrase-file F --generation 1 \\',
  '    --anchor estate=F --anchor keylime-control=F --out bundle.cms',
  'and here `omens trust publish bundle.cms`. Until then hosts trust the one root that they enrolled under.',
];

/** What was made, and what a person must do now. */
function summary(report: Report): string {
  const rows = report.issuers.map(({ domain, role, subject, sha256, notAfter }) => [
    ...[domain, role, subject, notAfter],
    sha256,
  ]);
  const offline =
    report.rootKeyFiles.length === 0
      ? []
      : [
          '',
          'Move the root keys offline now: copy each to two media that leave this host, then delete it here.',
          'The server never needs them, and warns at each start while it can read one.',
          ...report.rootKeyFiles.map((file) => `  ${file}`),
        ];
  const lines = [
    `data directory: ${report.dataDirectory}`,
    '',
    table(['DOMAIN', 'ROLE', 'SUBJECT', 'NOT AFTER', 'SHA-256'], rows).trimEnd(),
    ...offline,
    ...(report.trustBundle === null ? noTrustBundle : []),
    '',
    `The token of the first operator (${report.operatorToken.name}, ${report.operatorToken.role}, until ${report.operatorToken.expiresAt})`,
    'is on standard output, and is shown this once. Keep it in a file with mode 0600.',
  ];
  return lines.map((line) => `${line}\n`).join('');
}
