// The signature algorithms that issuers of ours use. RSA-PSS and Ed25519 are absent: Keylime's registrar refuses both.

/** As in RFC 5758 §3.2 and RFC 4055 §5; the hash is always SHA-256. */
export type SignatureAlgorithm = 'ecdsaWithSHA256' | 'sha256WithRSAEncryption';
