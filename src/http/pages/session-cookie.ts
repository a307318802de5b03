// The cookie of a session: its text in both directions. What it stands for is enrollment/web-sessions.ts.

/** `__Host-`: no other host and no plain HTTP can set or read it. */
const name = '__Host-omens';

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** Set-Cookie for a new session; it is forgotten with the browser. */
export const setCookie = (value: string): string => `${name}=${value}; ${attributes}`;

/** Set-Cookie that takes it away. */
export const clearCookie = `${name}=; ${attributes}; Max-Age=0`;

/** The session's cookie of a Cookie header, or null; two of that name are none. */
export function cookieOf(header: string | null): string | null {
  const values = (header ?? '').split(';').flatMap((pair) => {
    const [key = '', ...value] = pair.trim().split('=');
    return key === name ? [value.join('=')] : [];
  });
  return values.length === 1 ? (values[0] ?? null) : null;
}
