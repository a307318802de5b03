// Mutations of a signed request without a body: its two header fields, its target, what stands beside them.
import type { Dice } from './dice.ts';
import type { Sent } from './live-host.ts';

type Fields = { readonly input: string; readonly signature: string };
type MutatedRequest = { readonly kind: string; readonly sent: Sent };

const changedCharacter = (text: string, dice: Dice): string => {
  const at = dice.roll(text.length);
  const other = dice.pick(Array.from('Aa0-"=;:() '));
  return text.slice(0, at) + (text[at] === other ? 'x' : other) + text.slice(at + 1);
};

/** The order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function otherNumbers(signature: string, dice: Dice): { readonly kind: string; readonly signature: string } {
  const octets = Buffer.from(signature.slice('omens=:'.length, -1), 'base64');
  const [r, s] = [octets.subarray(0, 32), octets.subarray(32)];
  const negated = Buffer.from((order - BigInt(`0x${s.toString('hex')}`)).toString(16).padStart(64, '0'), 'hex');
  const flipped = Buffer.from(octets);
  flipped[dice.roll(64)]! ^= 1 << dice.roll(8);
  const variants: Readonly<Record<string, Buffer>> = {
    exchanged: Buffer.concat([s, r]),
    zero: Buffer.alloc(64),
    ones: Buffer.alloc(64, 0xff),
    sNegated: Buffer.concat([r, negated]),
    short: octets.subarray(0, 63),
    long: Buffer.concat([octets, Buffer.alloc(1)]),
    bitFlip: flipped,
  };
  const kind = dice.pick(Object.keys(variants));
  return { kind: `signature.${kind}`, signature: `omens=:${variants[kind]!.toString('base64')}:` };
}

const inputChanges: Readonly<Record<string, (input: string, dice: Dice) => string>> = {
  created: (input, dice) =>
    input.replace(/created=\d+/, `created=${dice.pick(['0', '1', '-1', '99999999999', '1e9'])}`),
  keyid: (input) => input.replace(/keyid="./, 'keyid="_'),
  alg: (input, dice) => input.replace('ecdsa-p256-sha256', dice.pick(['hmac-sha256', 'none', 'rsa-v1_5-sha256'])),
  tag: (input, dice) => input.replace('omens-v1', dice.pick(['omens-v2', 'omens', ''])),
  nonceChanged: (input) => input.replace(/nonce="./, 'nonce="_'),
  nonceGone: (input) => input.replace(/;nonce="[^"]*"/, ''),
  componentGone: (input, dice) =>
    input.replace(dice.pick(['"@path" ', '"@method" ', ' "@query"', '"@authority" ']), ''),
  componentMore: (input) => input.replace('"@query"', '"@query" "date"'),
  componentTwice: (input) => input.replace('"@path"', '"@path" "@path"'),
  label: (input) => input.replace('omens=', 'sig1='),
  twoSignatures: (input) => `${input}, other=${input.slice(6)}`,
  parameterMore: (input) => `${input};expires=1`,
  spaces: (input) => input.replace(';', '; '),
  character: changedCharacter,
  long: (input) => input + ' '.repeat(5000),
};

/** Changes a signed GET. */
export function mutateSigned(path: string, headers: readonly (readonly [string, string])[], dice: Dice) {
  const field = (name: string): string => headers.find(([one]) => one === name)?.[1] ?? '';
  const good: Fields = { input: field('signature-input'), signature: field('signature') };
  const build = (kind: string, over: Partial<Fields>, more: Partial<Sent> = {}): MutatedRequest => {
    const { input, signature } = { ...good, ...over };
    const fields: Sent['headers'] = [['signature-input', input], ['signature', signature], ...(more.headers ?? [])];
    return { kind, sent: { path, ...more, headers: fields } };
  };
  const family = dice.roll(4);
  if (family === 0) {
    const { kind, signature } = otherNumbers(good.signature, dice);
    return build(kind, { signature });
  }
  if (family === 1) {
    const kind = dice.pick(Object.keys(inputChanges));
    return build(`input.${kind}`, { input: inputChanges[kind]!(good.input, dice) });
  }
  if (family === 2) return build('signature.character', { signature: changedCharacter(good.signature, dice) });
  const around: Readonly<Record<string, () => MutatedRequest>> = {
    bearerToo: () => build('bearerToo', {}, { headers: [['authorization', 'Bearer x']] }),
    signatureTwice: () => build('signatureTwice', {}, { headers: [['signature', good.signature]] }),
    query: () => build('query', {}, { path: `${path}?a=1` }),
    slash: () => build('slash', {}, { path: `${path}/` }),
    otherPath: () => build('otherPath', {}, { path: '/v1/devices' }),
    percent: () => build('percent', {}, { path: path.replace('devices', '%64evices') }),
    body: () => build('body', {}, { method: 'GET', bytes: Buffer.from('{}') }),
    method: () => build('method', {}, { method: dice.pick(['POST', 'DELETE', 'PUT']) }),
    noInput: () => ({ kind: 'noInput', sent: { path, headers: [['signature', good.signature]] } }),
    noSignature: () => ({ kind: 'noSignature', sent: { path, headers: [['signature-input', good.input]] } }),
  };
  return around[dice.pick(Object.keys(around))]!();
}
