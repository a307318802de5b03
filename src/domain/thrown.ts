// What was thrown, as text. Not a refusal: those are values (result.ts).

/** The message of anything that was thrown, whatever realm its class is of. */
export const messageOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
