// Sessions of people at the operator page: how long one lasts, and the text of its cookie. The session stands for an
// operator token and never lasts longer than that; whether the token is good is asked at every request.

export type WebSessionRecord = {
  /** SHA-256 of the cookie's octets. */
  readonly idSha256: Uint8Array;
  readonly tokenId: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
};

/** Octets of a session's secret. */
export const sessionSecretOctets = 32;

/** A session that nobody uses for so long is over. Seconds. */
export const sessionIdleSeconds = 30 * 60;

/** And so is one that is so old. Seconds. */
const sessionLongestSeconds = 12 * 3600;

/** A use is written down once in so many seconds. */
export const sessionTouchSeconds = 60;

/** When a session that begins now ends at the latest. */
export const sessionEnd = (now: Date, tokenExpiresAt: Date): Date =>
  new Date(Math.min(now.getTime() + sessionLongestSeconds * 1000, tokenExpiresAt.getTime()));

/** Whether a session is over by its own clocks. */
export const isSessionOver = ({ lastUsedAt, expiresAt }: WebSessionRecord, now: Date): boolean =>
  now >= expiresAt || now.getTime() - lastUsedAt.getTime() >= sessionIdleSeconds * 1000;

/** The octets of a cookie, or null when it is none that we gave. */
export function readSessionCookie(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return null;
  const octets = Buffer.from(text, 'base64url');
  return octets.toString('base64url') === text ? new Uint8Array(octets) : null;
}
