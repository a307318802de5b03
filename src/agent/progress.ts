// What a running command tells a person. Words for the console only; nothing is decided by them.

/** `note` is one line that stays; `working` names what takes long, until the next word. */
export type Progress = {
  readonly note: (line: string) => void;
  readonly working: (what: string) => void;
};

/** Says nothing. */
export const silent: Progress = { note: () => undefined, working: () => undefined };
