// `omens endpoints …` and `omens keylime …`: what the server saw of declared endpoints, and what Keylime says of hosts.
import type { Command } from 'commander';
import type { EndpointResource, KeylimeAgentResource } from '../domain/warning-wire.ts';
import { print } from './output.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import { facts, table } from './table.ts';
import type { World } from './world.ts';

/** Adds `endpoints`. */
export function addEndpointsCommands(program: Command, world: World): void {
  const endpoints = program
    .command('endpoints')
    .description('TLS endpoints that the server looks at (omens.yaml, probes)');
  withClientOptions(
    endpoints.command('list').description('each endpoint, and what was wrong with it the last time'),
  ).action(async (options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.listEndpoints());
    print(world, options, { resource, text: ({ items }) => endpointTable(items) });
  });
  withClientOptions(
    endpoints.command('probe <name>').description('look at one endpoint now; needs a token of role admin'),
  ).action(async (name: string, options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.probeEndpoint(name));
    print(world, options, { resource, text: describeEndpoint });
  });
}

/** Adds `keylime`. */
export function addKeylimeCommands(program: Command, world: World): void {
  const keylime = program.command('keylime').description('the agents of Keylime (omens.yaml, keylime)');
  withClientOptions(
    keylime.command('agents').description('each agent with its host, state and last attestation, failing ones first'),
  ).action(async (options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.listKeylimeAgents());
    print(world, options, { resource, text: ({ items }) => agentTable(items) });
  });
  withClientOptions(
    keylime
      .command('let-through <agent>')
      .description('renew the host of this agent for a day, although it is not attested; needs a token of role admin'),
  ).action(async (agent: string, options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.letAgentThrough(agent));
    print(world, options, {
      resource,
      text: ({ hostName, letThroughUntil }) => `${hostName ?? agent} is not held before ${letThroughUntil ?? '-'}\n`,
    });
  });
}

const endpointTable = (items: readonly EndpointResource[]): string =>
  table(
    ['LEVEL', 'NAME', 'ADDRESS', 'LOOKED AT', 'FINDINGS'],
    items.map(({ level, name, address, lookedAt, findings }) => [
      ...[level, name, address, lookedAt ?? '-'],
      findings.map(({ condition }) => condition).join(', ') || '-',
    ]),
  );

const describeEndpoint = (endpoint: EndpointResource): string => {
  const { name, kind, address, level, lookedAt, reachableAt, servedSha256, servedNotAfter, findings } = endpoint;
  const told = facts([
    ...([
      ['name', name],
      ['kind', kind],
      ['address', address],
      ['level', level],
    ] as const),
    ...([
      ['looked at', lookedAt],
      ['answered', reachableAt ?? 'never'],
    ] as const),
    ...([
      ['serves', servedSha256],
      ['until', servedNotAfter],
    ] as const),
  ]);
  const lines = table(
    ['LEVEL', 'CONDITION', 'DETAIL'],
    findings.map((finding) => [finding.level, finding.condition, finding.detail]),
  );
  return findings.length === 0 ? told : `${told}\n${lines}`;
};

const agentTable = (items: readonly KeylimeAgentResource[]): string =>
  table(
    ['STATE', 'STATUS', 'HOST', 'LAST ATTESTED', 'SINCE', 'HELD', 'AGENT'],
    items.map((one) => [
      ...[one.registered ? (one.state ?? 'registered only') : `${one.state ?? '-'}, not registered`],
      ...[one.attestationStatus ?? '-', one.hostName ?? '-', one.lastSuccessfulAttestation ?? '-', one.since],
      ...[one.held ? 'held' : one.letThroughUntil === null ? '-' : `through until ${one.letThroughUntil}`, one.agent],
    ]),
  );
