// `omens agent enroll`: proves the TPM of this host and installs its certificates.
import type { Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { exclusively, loadState, type ServerIdentity } from '../agent/agent-state.ts';
import { enroll, type EnrollOutcome } from '../agent/enroll.ts';
import { connectToServer } from '../agent/enrollment-server.ts';
import type { EnrollWishes } from '../agent/errand.ts';
import { hostFacts } from '../agent/host-facts.ts';
import { lendTpm } from '../agent/lend-tpm.ts';
import { ownName } from '../agent/own-name.ts';
import { runCommand } from '../agent/run-command.ts';
import { targetsOf } from '../agent/targets.ts';
import { decodeEnrollmentToken } from '../domain/enrollment-token.ts';
import { isSha256Hex } from '../domain/identifiers.ts';
import { isHostName } from '../domain/names.ts';
import { parseProfileRequest } from '../domain/profile-request.ts';
import { describePending } from './agent-pending.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { type HostOptions, passwordsOf, rootOf, specOf, withHostOptions } from './host-options.ts';
import { print } from './output.ts';
import { progressOf } from './progress.ts';
import { readSecret } from './settings.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

type EnrollOptions = HostOptions & {
  readonly tokenFile?: string;
  readonly server?: string;
  readonly rootSha256?: string;
  readonly hostname?: string;
  readonly profile?: readonly string[];
  readonly wait?: boolean;
  readonly newKeys?: boolean;
};

/** Adds the command. */
export function addEnrollCommand(agent: Command, world: World): void {
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
}

const pendingHelp = `
Without a token, and without its EK being registered, a host waits for an operator: the command then ends with exit
code 0 and \`pending\`, and is run again after the approval. A script gives --wait, which ends when it is decided.
`;

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
        run: runCommand,
        targets: targetsOf(await loadAgentConfig(root), await hostFacts(root)),
      },
      { wishes, state: await loadState(root), patience: options.wait === true ? 'untilDecided' : 'once' },
    ),
  ).finally(() => progress.working(''));
  print(world, options, { resource: outcome, text: describeOutcome });
}

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
  if (url === undefined || !isSha256Hex(digest)) {
    throw wrongUsage(
      '--server and --root-sha256 belong together',
      'the digest has 64 hex digits; an operator reads it to you',
    );
  }
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw wrongUsage(`--server ${url} is no https URL`);
  return { url: new URL(url).origin, rootSha256: digest };
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
