// The steps of issuance at which a power cut is tried, in their order.

export const steps = [
  'before intent',
  'after intent',
  'before signature',
  'after signature',
  'before result',
  'after result',
] as const;

export type Step = (typeof steps)[number];
