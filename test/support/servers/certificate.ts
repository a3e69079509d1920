/** A certificate of 127.0.0.1 that signs itself, by openssl: for servers that speak TLS. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { newFolder } from './keeper.js';

/** Why none can be made here, or false. */
export function noCertificate(): string | false {
  return spawnSync('openssl', ['version']).status === 0
    ? false
    : 'there is no openssl here to make a certificate';
}

/** The paths of both PEM files, which end with this thread. */
export function makeCertificate(): { readonly cert: string; readonly key: string } {
  const folder = newFolder('certificate');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const kind = '-x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=localhost';
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost';
  const args = ['req', ...kind.split(' '), '-addext', names, '-keyout', key, '-out', cert];
  execFileSync('openssl', args, { stdio: 'pipe' });
  return { cert, key };
}
