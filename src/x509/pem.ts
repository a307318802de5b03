// PEM text (RFC 7468): one way to write it, and a strict reading of one or more blocks. Never a key store: keys are
// the issuers' business.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';

/** One block: its label (`CERTIFICATE`, `CERTIFICATE REQUEST`, …) and the octets inside. */
export type PemBlock = { readonly label: string; readonly der: Uint8Array };

export type PemReason = 'pemTooLarge' | 'malformedPem' | 'unexpectedPemLabel' | 'tooManyPemBlocks';

/** What a caller takes; sizes in characters. Labels are compared exactly. */
export type PemLimits = {
  readonly labels: readonly string[];
  readonly maxCharacters: number;
  readonly maxBlocks: number;
};

/** Text of one block: lines of 64 characters, each ended by LF. */
export function encodePem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines = base64.replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** Number of characters that `encodePem` would produce, without producing them. */
export const pemLength = (label: string, octets: number): number => {
  const base64 = Math.ceil(octets / 3) * 4;
  return base64 + Math.ceil(base64 / 64) + 2 * label.length + '-----BEGIN -----\n-----END -----\n'.length;
};

/**
 * Reads the blocks of a text, at least one. Refused: text outside the blocks other than white space, headers inside
 * them, lines longer than 76 characters, padding that is not canonical, labels that are not wanted. Linear in its input.
 */
export function decodePem(text: string, limits: PemLimits): Result<readonly PemBlock[], Refusal<PemReason>> {
  if (text.length > limits.maxCharacters) {
    const accepted = `at most ${limits.maxCharacters} characters`;
    return err({ reason: 'pemTooLarge', detail: `the PEM text has ${text.length} characters`, accepted });
  }
  const blocks: PemBlock[] = [];
  let open: { label: string; lines: string[] } | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (open === null) {
      if (line.trim() === '') continue;
      const label = boundary(line, 'BEGIN');
      if (label === null) return malformed('there is text outside the blocks');
      if (!limits.labels.includes(label)) return unexpected(label, limits.labels);
      if (blocks.length === limits.maxBlocks) return tooMany(limits.maxBlocks);
      open = { label, lines: [] };
    } else if (line.startsWith('-')) {
      const der = boundary(line, 'END') === open.label ? canonicalBase64(open.lines) : null;
      if (der === null) return malformed(`the ${open.label} block is not closed or its base64 is not canonical`);
      blocks.push({ label: open.label, der });
      open = null;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== null) return malformed(`the ${open.label} block has no end`);
  return blocks.length > 0 ? ok(blocks) : malformed('there is no block');
}

const boundary = (line: string, kind: 'BEGIN' | 'END'): string | null => {
  const match = /^-----(BEGIN|END) ([A-Z0-9](?:[A-Z0-9 ]{0,62}[A-Z0-9])?)-----[ \t]*$/.exec(line);
  return match?.[1] === kind ? (match[2] ?? null) : null;
};

/** The octets, or null unless encoding them again gives the same characters. */
function canonicalBase64(lines: readonly string[]): Uint8Array | null {
  if (lines.length === 0 || !lines.every((line) => /^[A-Za-z0-9+/]{1,76}={0,2}[ \t]*$/.test(line))) return null;
  const characters = lines.map((line) => line.trimEnd()).join('');
  const octets = Buffer.from(characters, 'base64');
  return octets.toString('base64') === characters ? new Uint8Array(octets) : null;
}

const malformed = (detail: string): Result<never, Refusal<PemReason>> =>
  err({ reason: 'malformedPem', detail, accepted: 'PEM blocks as in RFC 7468, and nothing else' });

const unexpected = (label: string, labels: readonly string[]): Result<never, Refusal<PemReason>> =>
  err({ reason: 'unexpectedPemLabel', detail: `a ${label} block is not wanted here`, accepted: labels.join(', ') });

const tooMany = (most: number): Result<never, Refusal<PemReason>> =>
  err({ reason: 'tooManyPemBlocks', detail: `there are more than ${most} PEM blocks`, accepted: `at most ${most}` });
