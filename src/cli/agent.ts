// `omens agent`: the host side. Loads nothing of the server.
import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { exclusively, loadState, type ServerIdentity } from '../agent/agent-state.ts';
import { enroll, type EnrollOutcome } from '../agent/enroll.ts';
import { connectToServer } from '../agent/enrollment-server.ts';
import type { EnrollWishes } from '../agent/errand.ts';
import { lendTpm } from '../agent/lend-tpm.ts';
import { ownName } from '../agent/own-name.ts';
import { requestKeyOf } from '../agent/request-key.ts';
import { type AgentStatus, agentStatus, type PendingStatus } from '../agent/status.ts';
import type { TpmPasswords } from '../agent/tpm-endorsement.ts';
import { parseTpmSpec } from '../agent/tpm-open.ts';
import { decodeEnrollmentToken } from '../domain/enrollment-token.ts';
import { isHostName } from '../domain/names.ts';
import { parseProfileRequest } from '../domain/profile-request.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { print } from './output.ts';
import { progressOf } from './progress.ts';
import { readSecret, readText } from './settings.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

type HostOptions = {
  readonly root: string;
  readonly tpm?: string;
  readonly ownerPasswordFile?: string;
  readonly endorsementPasswordFile?: string;
  readonly json?: boolean;
};

type EnrollOptions = HostOptions & {
  readonly tokenFile?: string;
  readonly server?: string;
  readonly rootSha256?: string;
  readonly hostname?: string;
  readonly profile?: readonly string[];
  readonly wait?: boolean;
  readonly newKeys?: boolean;
};

/** Adds the commands. */
export function addAgentCommands(program: Command, world: World): void {
  const agent = program.command('agent').description('the host side');
  const enrollCommand = agent.command('enroll').description('prove the TPM of this host and install its certificates');
  withHostOptions(enrollCommand)
    .option('--token-file <file>', 'enrollment token; - for standard input')
    .option('--server <url>', 'the service, where there is no token')
    .option('--root-sha256 <hex>', 'SHA-256 of its root certificate, where there is no token')
    .option('--hostname <fqdn>', 'full name of this host; without it, what the host calls itself')
    .option('--profile <profile...>', 'P or P=DNS,DNS: what to ask for; without it, devid and keylime-agent')
    .option('--wait', 'wait until an operator has decided')
    .option('--new-keys', 'forget the keys of an earlier enrollment')
    .addHelpText('after', pendingHelp)
    .action((options: EnrollOptions) => runEnroll(world, options));
  withHostOptions(agent.command('status').description('how this host stands')).action((options: HostOptions) =>
    runStatus(world, options),
  );
}

const pendingHelp = `
Without a token, and without its EK being registered, a host waits for an operator: the command then ends with exit
code 0 and \`pending\`, and is run again after the approval. A script gives --wait, which ends when it is decided.
`;

const withHostOptions = (command: Command): Command =>
  command
    .option('--tpm <spec>', 'device:/dev/tpmrm0 (default), unix:PATH, tcp:HOST:PORT, tcti:CONF')
    .option('--root <directory>', 'stands for /', '/')
    .option('--owner-password-file <file>', 'password of the owner hierarchy, where it has one')
    .option('--endorsement-password-file <file>', 'password of the endorsement hierarchy, where it has one')
    .option('--json', 'print the result as JSON');

async function runEnroll(world: World, options: EnrollOptions): Promise<void> {
  const root = rootOf(options);
  const wishes = await wishesOf(world, options);
  const progress = progressOf(world);
  const outcome = await exclusively(root, async () =>
    enroll(
      {
        ...{ root, uid: world.uid, now: world.now, sleep: world.sleep, progress },
        withTpm: lendTpm,
        connect: (server) => connectToServer(server, { ...world, progress }),
        passwords: passwordsOf(world, options),
        ownName: await ownName(root),
      },
      { wishes, state: await loadState(root), patience: options.wait === true ? 'untilDecided' : 'once' },
    ),
  ).finally(() => progress.working(''));
  print(world, options, { resource: outcome, text: describeOutcome });
}

async function runStatus(world: World, options: HostOptions): Promise<void> {
  const root = rootOf(options);
  const state = await loadState(root);
  if (state === null) {
    throw new CommandFailure('this host was never enrolled', { hints: ['omens agent enroll --token-file F'] });
  }
  const wished = specOf(options);
  const progress = progressOf(world);
  const passwords = passwordsOf(world, options);
  const status = await agentStatus(
    {
      ...{ root, now: world.now },
      connect: (server) => connectToServer(server, { ...world, progress }),
      requestKey: ({ keys, tpm }) => requestKeyOf((use) => lendTpm(wished ?? tpm, use), keys, passwords),
    },
    state,
  );
  progress.working('');
  if (status.offline !== null) world.stderr(`omens: the service was not asked: ${status.offline}\n`);
  print(world, options, { resource: status, text: describeStatus });
}

const rootOf = ({ root }: HostOptions): string => (isAbsolute(root) ? root : resolve(root));

async function wishesOf(world: World, options: EnrollOptions): Promise<EnrollWishes> {
  const { hostname } = options;
  if (hostname !== undefined && !isHostName(hostname.toLowerCase())) {
    throw wrongUsage(`--hostname ${hostname} is no full host name`, 'accepted: tower.example.org');
  }
  return {
    ...(await serverAndToken(world, options)),
    hostName: hostname?.toLowerCase() ?? null,
    profiles: (options.profile ?? []).map((text) => {
      const request = parseProfileRequest(text);
      if (!request.ok) throw wrongUsage(request.error.detail, `accepted: ${request.error.accepted ?? ''}`);
      return request.value;
    }),
    tpm: specOf(options),
    oldKeys: options.newKeys === true ? 'discard' : 'keep',
  };
}

/** A token names the server and its root; without one both are given by hand. Nothing is trusted on first use. */
async function serverAndToken(world: World, options: EnrollOptions): Promise<Pick<EnrollWishes, 'server' | 'token'>> {
  const { tokenFile, server: url, rootSha256 } = options;
  if (tokenFile !== undefined) {
    if (url !== undefined || rootSha256 !== undefined) throw wrongUsage('a token names server and root itself');
    const token = decodeEnrollmentToken(await readSecret(world, tokenFile));
    if (!token.ok) throw new CommandFailure(`${tokenFile}: ${token.error.detail}`);
    return { server: { url: token.value.url, rootSha256: token.value.rootSha256 }, token: token.value.credential };
  }
  if (url === undefined && rootSha256 === undefined) return { server: null, token: null };
  return { server: serverOf(url, rootSha256), token: null };
}

function serverOf(url: string | undefined, rootSha256: string | undefined): ServerIdentity {
  const digest = (rootSha256 ?? '').toLowerCase().replaceAll(':', '');
  if (url === undefined || !/^[0-9a-f]{64}$/.test(digest)) {
    throw wrongUsage(
      '--server and --root-sha256 belong together',
      'the digest has 64 hex digits; an operator reads it to you',
    );
  }
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw wrongUsage(`--server ${url} is no https URL`);
  return { url: new URL(url).origin, rootSha256: digest };
}

/** Wrong usage is said before anything is done. */
function specOf({ tpm }: HostOptions): string | null {
  const parsed = tpm === undefined ? null : parseTpmSpec(tpm);
  if (parsed?.ok === false)
    throw wrongUsage(`--tpm: ${parsed.error.detail}`, `accepted: ${parsed.error.accepted ?? ''}`);
  return tpm ?? null;
}

/** Passwords of hierarchies come from files or systemd credentials, never from the command line. */
function passwordsOf({ env }: World, options: HostOptions): TpmPasswords {
  const credentials = env['CREDENTIALS_DIRECTORY'] ?? '';
  const read = (file: string | undefined, credential: string): Uint8Array | null => {
    if (file !== undefined) return new TextEncoder().encode(readText(file).replace(/\r?\n$/, ''));
    if (credentials === '') return null;
    try {
      return new TextEncoder().encode(readFileSync(join(credentials, credential), 'utf8').replace(/\r?\n$/, ''));
    } catch {
      return null;
    }
  };
  const owner = read(options.ownerPasswordFile, 'tpm-owner-password');
  const endorsement = read(options.endorsementPasswordFile, 'tpm-endorsement-password');
  return { ...(owner === null ? {} : { owner }), ...(endorsement === null ? {} : { endorsement }) };
}

/** What was reached, and what comes next. */
function describeOutcome(outcome: EnrollOutcome): string {
  if (outcome.state === 'pending') return describePending({ ...outcome, detail: null });
  const { device, certificates, remarks } = outcome;
  const rows = certificates.map(({ profile, notAfter, certificateFile }) => [profile, notAfter, certificateFile]);
  const notes = remarks.map((remark) => `note: ${remark}\n`).join('');
  const uuid = device.keylimeUuid === null ? '' : `Keylime UUID (hash_ek): ${device.keylimeUuid}\n`;
  return `${device.hostName} is device ${device.id}\n${uuid}${table(['PROFILE', 'NOT AFTER', 'FILE'], rows)}${notes}`;
}

/** An enrollment that waits, or has just ceased to, and who does what next. */
function describePending({ state, id, version, ekFingerprint, detail }: PendingStatus): string {
  const next = {
    pending: [
      'the TPM of this host is proved; an operator has to approve it.',
      `endorsement key: ${ekFingerprint}`,
      'the operator compares this with `omens devices pending` and types:',
      `  omens devices approve ${id} --version ${version}`,
      'afterwards run `omens agent enroll` here again.',
    ],
    approved: [`an operator approved enrollment ${id}: run \`omens agent enroll\` here again.`],
    issued: [`the certificates of enrollment ${id} are issued: run \`omens agent enroll\` here again.`],
    refused: [
      `enrollment ${id} was not approved: ${detail ?? 'the service does not say why'}`,
      '`omens agent enroll` begins a new one.',
    ],
  };
  return next[state].map((line) => `${line}\n`).join('');
}

/** How a host stands, for people. */
function describeStatus(status: AgentStatus): string {
  const { hostName, device, enrollment, pending, certificates } = status;
  const known =
    device === null
      ? `${hostName}: enrollment ${pending?.state ?? enrollment}`
      : `${hostName} is device ${device.id}, ${device.state}`;
  const rows = certificates.map(({ level, profile, notAfter, daysLeft, reason, certificateFile }) => [
    ...[level, profile, notAfter ?? '', daysLeft === null ? '' : daysLeft.toFixed(1)],
    ...[reason, certificateFile],
  ]);
  const waits = pending === null ? '' : describePending(pending);
  if (device === null && certificates.length === 0) return `${known}\n${waits}`;
  return `${known}\n${waits}${table(['LEVEL', 'PROFILE', 'NOT AFTER', 'DAYS LEFT', 'WHY', 'FILE'], rows)}`;
}
