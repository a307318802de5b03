// Reads whole DER structures: a fault that the cursor throws becomes a refusal here, and leaves this folder in no other way.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type DerQuirk, DerReader, MalformedDer } from './der-reader.ts';

/** Octets that the first element takes, whatever follows it; null when there is no whole element. */
export function elementLength(bytes: Uint8Array): number | null {
  try {
    return new DerReader(bytes).element().octets.length;
  } catch (error) {
    if (!(error instanceof MalformedDer)) throw error;
    return null;
  }
}

/** Reads all of `bytes`; a fault in the encoding becomes a refusal with the caller's reason. */
export function readingDer<T, R extends string>(
  bytes: Uint8Array,
  as: { readonly reason: R; readonly what: string; readonly quirks?: readonly DerQuirk[] },
  read: (reader: DerReader) => T,
): Result<T, Refusal<R>> {
  try {
    const reader = new DerReader(bytes, as.quirks ?? []);
    const value = read(reader);
    reader.end();
    return ok(value);
  } catch (error) {
    if (!(error instanceof MalformedDer)) throw error;
    return err({ reason: as.reason, detail: `${as.what} is not strict DER: ${error.message} (octet ${error.offset})` });
  }
}
