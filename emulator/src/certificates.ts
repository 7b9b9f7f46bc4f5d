import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import * as x509 from '@peculiar/x509'

/** Hands out TLS identities for the hosts that the emulator plays. */
export interface Certificates {
  /** PEM file with the authority's certificate alone: what a client must trust. */
  readonly caPath: string
  /** Key and certificate for one host name, signed by the emulator's authority. Kept for later calls. */
  contextFor(host: string): Promise<SecureContext>
  /** The same identity as PEM, for a server that is no part of the emulator. Made anew with every call. */
  pemFor(host: string): Promise<{ readonly key: string; readonly cert: string }>
}

interface Authority {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY = 86_400_000
/** Go and Apple's clients refuse leaf certificates that are valid for more than 398 days. */
const LEAF_DAYS = 90
const KEPT_LEAVES = 1000

/** Opens the certificate authority in `dir`, making it on first use. Processes of one emulator share it. */
export async function openCertificates(dir: string): Promise<Certificates> {
  x509.cryptoProvider.set(globalThis.crypto)
  const caPath = join(dir, 'ca.pem')
  const keyPath = join(dir, 'ca-key.pem')
  if (!existsSync(caPath)) await makeAuthority({ dir, caPath, keyPath })
  const authority = await readAuthority(caPath, keyPath)
  const leafKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const leaves = new Map<string, { readonly context: Promise<SecureContext>; readonly madeAt: number }>()

  async function contextFor(host: string): Promise<SecureContext> {
    const known = leaves.get(host)
    if (known !== undefined && Date.now() - known.madeAt < (LEAF_DAYS / 3) * DAY) return known.context
    const context = pemFor(host).then(createSecureContext)
    if (leaves.size >= KEPT_LEAVES) leaves.delete(leaves.keys().next().value ?? '')
    leaves.set(host, { context, madeAt: Date.now() })
    return context
  }

  function pemFor(host: string): Promise<{ key: string; cert: string }> {
    return leafPem(host, leafKeys, authority)
  }

  return { caPath, contextFor, pemFor }
}

async function makeAuthority(files: { dir: string; caPath: string; keyPath: string }): Promise<void> {
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

async function readAuthority(caPath: string, keyPath: string): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(readFileSync(keyPath, 'utf8'))
  return {
    certificate: new x509.X509Certificate(readFileSync(caPath, 'utf8')),
    key: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']),
  }
}

async function leafPem(
  host: string,
  keys: webcrypto.CryptoKeyPair,
  authority: Authority,
): Promise<{ key: string; cert: string }> {
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    // A common name has at most 64 characters; clients look at the alternative name only.
    subject: `CN=${host.slice(0, 64)}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + LEAF_DAYS * DAY),
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
