// Stands in for the program spire-server: prints what spire-server 1.13.3 printed for the same commands with `-output
// json`, and keeps agents and entries in a JSON file, its first argument. No server, and no more than the tests use.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

const [file, group, verb, ...rest] = process.argv.slice(2);
appendFileSync(`${file}.log`, `${[group, verb, ...rest].join(' ')}\n`);
const state = JSON.parse(readFileSync(file, 'utf8'));

const values = (name) => rest.flatMap((word, at) => (word === name ? [rest[at + 1]] : []));
const idOf = (text) => {
  const { host, pathname } = new URL(text);
  return { path: pathname, trust_domain: host };
};
const say = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);
const fail = (message) => {
  process.stderr.write(`Error: ${message}\n`);
  process.exit(1);
};
const keep = () => writeFileSync(file, JSON.stringify(state));

/** `agents` of the file: {spiffeId, attestationType, expiresAt (seconds), banned}. */
const shownAgent = ({ spiffeId, attestationType, expiresAt, banned = false }) => ({
  attestation_type: attestationType,
  banned,
  can_reattest: attestationType !== 'join_token',
  id: idOf(spiffeId),
  selectors: [],
  x509svid_expires_at: String(expiresAt),
  x509svid_serial_number: banned ? '' : '34824378734712405323278656915382255560',
});

/** `entries` of the file: {id, spiffeId, selectors}. */
const shownEntry = ({ id, spiffeId, selectors }, createdAt = '1795689783') => ({
  ...{ admin: false, created_at: createdAt, dns_names: [], downstream: false, expires_at: '0' },
  ...{ federates_with: [], hint: '', id, jwt_svid_ttl: 0 },
  parent_id: { path: '/spire/server', trust_domain: idOf(spiffeId).trust_domain },
  revision_number: '0',
  selectors: selectors.map((selector) => {
    const colon = selector.indexOf(':');
    return { type: selector.slice(0, colon), value: selector.slice(colon + 1) };
  }),
  ...{ spiffe_id: idOf(spiffeId), store_svid: false, x509_svid_ttl: 0 },
});

const [spiffeId] = values('-spiffeID');
const agent = state.agents.find((one) => one.spiffeId === spiffeId);

switch (`${group} ${verb}`) {
  case 'agent list':
    say({ agents: state.agents.map(shownAgent), next_page_token: '' });
    break;
  case 'agent evict':
  case 'agent ban':
    if (agent === undefined) fail('rpc error: code = NotFound desc = agent not found');
    if (verb === 'ban') agent.banned = true;
    else state.agents.splice(state.agents.indexOf(agent), 1);
    keep();
    say({});
    break;
  case 'entry show':
    say({
      entries: state.entries.filter((one) => one.spiffeId === spiffeId).map((one) => shownEntry(one)),
      next_page_token: '',
    });
    break;
  case 'entry create': {
    const selectors = values('-selector');
    const isThere = state.entries.some(
      (one) => one.spiffeId === spiffeId && one.selectors.toSorted().join() === selectors.toSorted().join(),
    );
    if (isThere) {
      const entry = shownEntry({ id: '', spiffeId, selectors }, '0');
      say({ results: [{ entry, status: { code: 6, message: 'similar entry already exists' } }] });
      break;
    }
    const made = { id: 'c380e024-ddc1-4e52-b04f-692fe1f7ec3f', spiffeId, selectors };
    state.entries.push(made);
    keep();
    say({ results: [{ entry: shownEntry(made), status: { code: 0, message: 'OK' } }] });
    break;
  }
  default:
    fail(`unknown command ${group} ${verb}`);
}
