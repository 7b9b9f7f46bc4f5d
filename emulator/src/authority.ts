import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(globalThis.crypto)

interface Authority {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

/** A private key and its certificate, as PEM. */
export interface Identity {
  readonly key: string
  readonly cert: string
}

/** Where the authority's certificate and key are. */
interface Files {
  readonly caPath: string
  readonly keyPath: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY = 86_400_000

/** Makes an authority and writes it down. */
export async function makeAuthority(files: Files & { readonly dir: string }): Promise<void> {
  mkdirSync(files.dir, { recursive: true })
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=Holdfast emulator ${randomBytes(4).toString('hex')}, O=Holdfast`,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + 3650 * DAY),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  writeFileSync(files.keyPath, await privatePem(keys.privateKey), { mode: 0o600 })
  const pem = `${certificate.toString('pem')}\n`
  writeFileSync(join(files.dir, 'ca-bundle.pem'), pem)
  // The certificate comes last and by rename: where it exists, everything beside it does too.
  writeFileSync(`${files.caPath}.new`, pem)
  renameSync(`${files.caPath}.new`, files.caPath)
}

async function readAuthority({ caPath, keyPath }: Files): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(readFileSync(keyPath, 'utf8'))
  return {
    certificate: new x509.X509Certificate(readFileSync(caPath, 'utf8')),
    key: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']),
  }
}

/** Signs an identity for one host name, valid from yesterday for so many days. */
export async function signLeaf(host: string, days: number, files: Files): Promise<Identity> {
  const authority = await readAuthority(files)
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    // A common name has at most 64 characters; clients look at the alternative name only.
    subject: `CN=${host.slice(0, 64)}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + days * DAY),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  })
  return { key: await privatePem(keys.privateKey), cert: certificate.toString('pem') }
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

/** A positive serial number of 16 bytes that does not start with zeros. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
