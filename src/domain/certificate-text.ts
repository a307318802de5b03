// A certificate in words: sections of named lines, as a page shows them. How it is read is in x509/; nothing here is
// parsed back.

export type CertificateTextLine = { readonly name: string; readonly value: string };

export type CertificateTextSection = {
  readonly title: string;
  /** Of an extension; null where the question does not arise. */
  readonly isCritical: boolean | null;
  readonly lines: readonly CertificateTextLine[];
};

/** Title first, then what it says, in the order of the certificate. */
export type CertificateText = readonly CertificateTextSection[];
