// The forms of identifiers that are no secrets: UUIDs of records, SHA-256 of certificates. Not whether such a one exists.

/** A UUID in lower case, as the store has it. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** SHA-256 in lower-case hex: the id of a certificate or of an issuer. */
export const isSha256Hex = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
