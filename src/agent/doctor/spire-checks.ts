// Options in SPIRE's configuration that its plugins do not read (HCL says nothing of unknown keys), and forms of the DevID
// that the plugin cannot use.
import type { HostText } from './host-files.ts';
import { critical, type Finding, warning } from './finding.ts';

/** What people wrote, and what the plugin reads. */
const mistaken: Readonly<Record<string, string>> = {
  keylime_tls_client_cert_file: 'keylime_tls_cert_file',
  keylime_tls_client_key_file: 'keylime_tls_key_file',
  keylime_tls_ca_file: 'keylime_tls_ca_cert_file',
  tpm_path: 'tpm_device_path',
};

/** The checks. */
export const spireFindings = (files: readonly HostText[]): readonly Finding[] =>
  files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, at) => {
      const [, key = '', value = ''] = /^\s*([A-Za-z0-9_]+)\s*=\s*"?([^"#]*)/.exec(line) ?? [];
      return [
        ...unknownKey({ path, line: at + 1, key }),
        ...wrongBlob({ path, line: at + 1, key, value: value.trim() }),
      ];
    }),
  );

type Place = { readonly path: string; readonly line: number; readonly key: string };

function unknownKey({ path, line, key }: Place): readonly Finding[] {
  const meant = mistaken[key];
  if (meant === undefined) return [];
  const detail = `${key} in line ${line} is no option of the plugin, which ignores it and uses its built-in value`;
  return [warning('spire-conf', { path, detail, fix: `write ${meant} instead, and restart SPIRE` })];
}

function wrongBlob({ path, line, key, value }: Place & { readonly value: string }): readonly Finding[] {
  if (key !== 'devid_priv_path' && key !== 'devid_pub_path') return [];
  const half = key === 'devid_priv_path' ? 'priv' : 'pub';
  const fix = `write ${key} = "/var/lib/tpm2-devid/devid.${half}.blob"`;
  if (/^0x[0-9a-fA-F]+$/.test(value)) {
    return [
      critical('spire-conf', { path, detail: `${key} in line ${line} is a handle; the plugin reads a file`, fix }),
    ];
  }
  if (value !== `/var/lib/tpm2-devid/devid.${half}`) return [];
  const detail = `${key} in line ${line} names the file for tpm2-tools, which begins with a size that SPIRE does not expect`;
  return [critical('spire-conf', { path, detail, fix })];
}
