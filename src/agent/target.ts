// What a target is: one certificate of this host in its place of use, with the files that carry it and the programs that
// read them. Types only. Targets come from the configuration file of this host; the server can name none.
import type { SoftwareKeyType } from './software-key.ts';
import type { FileTable, Placement, PlacementInput } from './places.ts';

/** A program and its arguments, run without a shell. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** What is looked at once a program has taken a new certificate into use. */
export type PostCheck =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly withinSeconds: number }
  /** Healthy when it answers 2xx; http and https on addresses of this host's own configuration only. */
  | { readonly kind: 'url'; readonly url: string; readonly withinSeconds: number }
  /** Connects by TLS and compares the leaf that is served with the one that was installed. */
  | {
      readonly kind: 'served';
      readonly host: string;
      readonly port: number;
      readonly serverName: string | null;
      readonly withinSeconds: number;
    }
  | { readonly kind: 'command'; readonly command: CommandLine; readonly withinSeconds: number };

/** A program that reads the files, and how it is made to read them again. */
export type Consumer = {
  /** Two targets that name the same program have it told once. */
  readonly name: string;
  /** Programs are told one after the other, lower `rank` first, and never within one another's settle time. */
  readonly rank: number;
  /** The program is told only while this succeeds: one that does not run reads the files when it starts. */
  readonly onlyWhile: CommandLine | null;
  /** Such as `nginx -t`: must succeed before the program is touched. */
  readonly validate: CommandLine | null;
  readonly reload: CommandLine | null;
  readonly settleSeconds: number;
  readonly checks: readonly PostCheck[];
};

/** One certificate in one place of use. */
export type Target = {
  /** Unique on the host; a name of files. */
  readonly name: string;
  readonly preset: string;
  readonly profile: string;
  readonly place: string;
  /** Null: those of the grant. */
  readonly dnsNames: readonly string[] | null;
  readonly key: { readonly kind: 'devid' } | { readonly kind: 'software'; readonly type: SoftwareKeyType };
  /** Whether each renewal makes a new key; a DevID does by default. */
  readonly rekey: boolean;
  /** Where its generations are kept: the directory of its certificate file, relative to the root. */
  readonly home: string;
  /** Every file and link that it may write, relative to the root. */
  readonly paths: readonly string[];
  readonly table: FileTable;
  readonly files: (input: PlacementInput) => Placement;
  /** In the order in which they are told. */
  readonly consumers: readonly Consumer[];
  /** Users that must be able to read key and certificate, beside those that its preset knows. */
  readonly readableBy: readonly string[];
  /** For a DevID that a SPIRE agent uses. */
  readonly hasSpireAgent: boolean;
  /** What a person should know of how this target was put together, such as a program that is not here. */
  readonly remarks: readonly string[];
};
