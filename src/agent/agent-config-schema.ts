// The JSON Schema of agent.yaml, and the shape that it lets through. What the values mean is agent-config.ts's matter.
import { textLine } from '../checked-yaml.ts';

/** As it stands in the file; what is absent is undefined. */
export type AgentFile = {
  readonly tpm?: string;
  readonly ownerPasswordFile?: string;
  readonly endorsementPasswordFile?: string;
  readonly checkEverySeconds?: number;
  readonly stageEarly?: boolean;
  readonly recover?: 'auto' | 'manual';
  readonly trustFingerprints?: readonly string[];
  readonly targets?: readonly TargetEntry[];
  readonly order?: readonly string[];
  readonly programs?: Readonly<Record<string, HooksEntry>>;
  readonly localClient?: LocalClientEntry;
  readonly doctor?: DoctorEntry;
};

export type CheckEntry = {
  readonly tcp?: string;
  readonly url?: string;
  readonly served?: string;
  readonly serverName?: string;
  readonly command?: readonly string[];
  readonly withinSeconds?: number;
};

export type HooksEntry = {
  readonly validate?: readonly string[];
  readonly reload?: readonly string[];
  readonly settleSeconds?: number;
  readonly checks?: readonly CheckEntry[];
};

export type TargetEntry = {
  readonly preset: string;
  readonly name?: string;
  readonly profile?: string;
  readonly place?: string;
  readonly dnsNames?: readonly string[];
  readonly rekey?: boolean;
  readonly certificate?: string;
  readonly key?: string;
  readonly chain?: string;
  readonly hooks?: HooksEntry;
  readonly checks?: readonly CheckEntry[];
  readonly readableBy?: readonly string[];
  readonly owner?: string;
  readonly mode?: string;
};

export type LocalClientEntry = {
  readonly enabled?: boolean;
  readonly certificate?: string;
  readonly key?: string;
  readonly readableBy?: readonly string[];
};

export type DoctorEntry = { readonly ignore?: readonly string[] };

const mapping = (properties: Readonly<Record<string, object>>, description: string, required: string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  ...{ required, properties, description },
});

const listOf = (items: object, description: string): object => ({ type: 'array', maxItems: 100, items, description });

const seconds = (least: number, most: number): object => ({
  ...{ type: 'integer', minimum: least, maximum: most },
  description: `whole seconds, ${least} to ${most}`,
});

const command = {
  type: 'array',
  minItems: 1,
  maxItems: 50,
  items: { type: 'string', minLength: 1, maxLength: 1000, description: 'one argument' },
  description: 'a list: program, then its arguments; no shell reads it',
};

const path = {
  type: 'string',
  // Absolute, and no way up: what is written is what is meant.
  pattern: '^/(?!.*(?:^|/)\\.\\.?(?:/|$))[^\\u0000-\\u001f]{1,900}[^/\\u0000-\\u001f]$',
  description: 'an absolute path without . or ..',
};

const account = { type: 'string', pattern: '^[a-z_][a-z0-9_-]{0,31}$', description: 'the name of a user' };

const address = {
  type: 'string',
  pattern: '^(?:\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$',
  description: 'HOST:PORT or [ADDRESS]:PORT',
};

const checks = listOf(
  mapping(
    {
      tcp: address,
      url: { type: 'string', pattern: '^https?://\\S{1,900}$', description: 'an http or https URL' },
      served: address,
      serverName: { type: 'string', pattern: '^[A-Za-z0-9.-]{1,253}$', description: 'the name asked for (SNI)' },
      command,
      withinSeconds: seconds(1, 600),
    },
    'one of tcp, url, served, command; withinSeconds; serverName beside served',
  ),
  'checks',
);

const hooks = mapping(
  { validate: command, reload: command, settleSeconds: seconds(0, 600), checks },
  'validate, reload, settleSeconds, checks',
);

const presetNames = [
  ...['keylime-agent', 'keylime-verifier', 'keylime-verifier-client', 'keylime-registrar', 'keylime-tenant'],
  ...['nginx-vhost', 'openbao-server', 'spire-bundle-endpoint', 'devid', 'own-directory'],
];

const target = mapping(
  {
    preset: { enum: presetNames, description: presetNames.join(', ') },
    name: {
      type: 'string',
      pattern: '^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$',
      description: 'lower-case letters, digits, dot and hyphen',
    },
    profile: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,63}$', description: 'the name of a profile' },
    place: {
      type: 'string',
      maxLength: 64,
      pattern: '^(?:[a-z0-9][a-z0-9.-]*)?$',
      description: 'the place of use of the grant: at most 64 lower-case letters, digits, dots and hyphens',
    },
    dnsNames: listOf(
      { type: 'string', pattern: '^[A-Za-z0-9*][A-Za-z0-9.-]{0,252}$', description: 'a DNS name' },
      'DNS names',
    ),
    rekey: { type: 'boolean', description: 'true or false' },
    ...{ certificate: path, key: path, chain: path, hooks, checks },
    readableBy: listOf(account, 'names of users'),
    owner: { type: 'string', pattern: '^[a-z_][a-z0-9_-]{0,31}:[a-z_][a-z0-9_-]{0,31}$', description: 'USER:GROUP' },
    mode: { type: 'string', pattern: '^0?[0-7]{3}$', description: 'octal, such as "0640"; in quotes' },
  },
  'a target',
  ['preset'],
);

/** Of the whole file. */
export const agentFileSchema: object = mapping(
  {
    tpm: textLine('device:/dev/tpmrm0, unix:PATH, tcp:HOST:PORT or tcti:CONF'),
    ...{ ownerPasswordFile: path, endorsementPasswordFile: path },
    checkEverySeconds: seconds(1, 86_400),
    stageEarly: { type: 'boolean', description: 'true or false' },
    recover: { enum: ['auto', 'manual'], description: 'auto or manual' },
    trustFingerprints: listOf(
      {
        ...{ type: 'string', pattern: '^(?:(?:estate|keylime-control)=)?[0-9a-f]{64}$' },
        description: 'SHA-256 in 64 lower-case hex digits; keylime-control= before that of a control root',
      },
      'fingerprints of roots',
    ),
    // As many as a report to the service takes.
    targets: { type: 'array', minItems: 1, maxItems: 64, items: target, description: '1 to 64 targets' },
    order: listOf(textLine('the name of a program'), 'programs in the order in which they are told'),
    programs: {
      ...{ type: 'object', maxProperties: 100, additionalProperties: hooks },
      description: 'a program of a preset, such as spire-agent, and its hooks',
    },
    localClient: mapping(
      {
        enabled: { type: 'boolean', description: 'true or false' },
        ...{ certificate: path, key: path },
        readableBy: listOf(account, 'names of users'),
      },
      'enabled, certificate, key, readableBy',
    ),
    doctor: mapping({ ignore: listOf(textLine('the name of a check'), 'checks that are not made') }, 'ignore'),
  },
  'the configuration of the agent',
);
