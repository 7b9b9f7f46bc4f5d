import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Identity } from './authority.ts'

/** Hands out TLS identities for the hosts that the emulator plays. */
export interface Certificates {
  /** PEM file with the authority's certificate alone: what a client must trust. */
  readonly caPath: string
  /** Key and certificate for one host name, signed by the emulator's authority. Kept for later calls. */
  contextFor(host: string): Promise<SecureContext>
  /** The same identity as PEM, for a server that is no part of the emulator. */
  pemFor(host: string): Promise<Identity>
}

const DAY = 86_400_000
/** Go and Apple's clients refuse leaf certificates that are valid for more than 398 days. */
const LEAF_DAYS = 90
const KEPT_LEAVES = 1000

/**
 * Opens the certificate authority in `dir`, making it on first use. Processes of one emulator share it, and the
 * leaves it signed. What signs is loaded only where there is something to sign.
 */
export async function openCertificates(dir: string): Promise<Certificates> {
  const files = { caPath: join(dir, 'ca.pem'), keyPath: join(dir, 'ca-key.pem') }
  if (!existsSync(files.caPath)) await (await import('./authority.ts')).makeAuthority({ dir, ...files })
  const leaves = new Map<string, { readonly context: Promise<SecureContext>; readonly madeAt: number }>()

  async function contextFor(host: string): Promise<SecureContext> {
    const known = leaves.get(host)
    if (known !== undefined && isFresh(known.madeAt)) return known.context
    const context = pemFor(host).then(createSecureContext)
    if (leaves.size >= KEPT_LEAVES) leaves.delete(leaves.keys().next().value ?? '')
    leaves.set(host, { context, madeAt: Date.now() })
    return context
  }

  /** The leaf that another process or an earlier start signed, or a new one. */
  async function pemFor(host: string): Promise<Identity> {
    const path = join(dir, 'leaves', `${createHash('sha256').update(host).digest('hex')}.json`)
    const kept = existsSync(path) && isFresh(statSync(path).mtimeMs)
    if (kept) return JSON.parse(readFileSync(path, 'utf8')) as Identity
    const { signLeaf } = await import('./authority.ts')
    const identity = await signLeaf(host, LEAF_DAYS, files)
    keep(path, JSON.stringify(identity))
    return identity
  }

  function keep(path: string, text: string): void {
    mkdirSync(join(dir, 'leaves'), { recursive: true, mode: 0o700 })
    const half = `${path}.${randomBytes(4).toString('hex')}`
    writeFileSync(half, text, { mode: 0o600 })
    renameSync(half, path)
  }

  return { caPath: files.caPath, contextFor, pemFor }
}

/** True for a leaf that has most of its days left. */
function isFresh(madeAt: number): boolean {
  return Date.now() - madeAt < (LEAF_DAYS / 3) * DAY
}
