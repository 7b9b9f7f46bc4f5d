import { randomUUID } from 'node:crypto'
import type { Resource } from '../arm/resources.ts'
import { Secrets } from '../ml/secrets.ts'
import type { Region } from '../region.ts'

const VAULTS = 'Microsoft.KeyVault/vaults'
const PAGE = 100

/** One version of a secret. */
export interface SecretVersion {
  readonly version: string
  readonly value: string
  readonly createdAt: string
  readonly contentType?: string
  readonly tags?: Readonly<Record<string, unknown>>
  readonly enabled: boolean
  /** Seconds since 1970 from which on and until when it is meant to be used. Azure keeps them and refuses nobody. */
  readonly nbf?: number
  readonly exp?: number
}

/** The secrets of a region's key vaults, each with all its versions. They go with their vault. */
export class VaultSecrets {
  readonly #kept: Secrets
  readonly #region: Pick<Region, 'clock' | 'resources'>

  constructor(region: Pick<Region, 'clock' | 'db' | 'resources'>) {
    this.#region = region
    this.#kept = new Secrets(region.db)
  }

  /** The vault whose host begins with this name. */
  vault(name: string): Resource | undefined {
    let after: number | undefined
    do {
      const { items, next } = this.#region.resources.ofType(VAULTS, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      })
      const found = items.find((one) => one.name.toLowerCase() === name.toLowerCase())
      if (found !== undefined) return found
      after = next
    } while (after !== undefined)
    return undefined
  }

  /** Adds a version, which is the newest from then on. Only inside a write. */
  set(vault: string, name: string, given: Omit<SecretVersion, 'version' | 'createdAt'>): SecretVersion {
    const version = randomUUID().replaceAll('-', '')
    const made = { ...given, version, createdAt: this.#region.clock.iso() }
    this.#kept.put(idOf(vault, name), { versions: [...this.#versions(vault, name), made] })
    return made
  }

  /** The newest version, or the one that is asked for. */
  get(vault: string, name: string, version?: string): SecretVersion | undefined {
    const all = this.#versions(vault, name)
    return version === undefined ? all.at(-1) : all.find((one) => one.version === version.toLowerCase())
  }

  /** Forgets what stands at an id and below it. Only inside a write. */
  forget(id: string): void {
    this.#kept.remove(id)
    this.#kept.removeBelow(id)
  }

  #versions(vault: string, name: string): readonly SecretVersion[] {
    const kept = this.#kept.get(idOf(vault, name)) as { versions?: readonly SecretVersion[] } | undefined
    return kept?.versions ?? []
  }
}

function idOf(vault: string, name: string): string {
  return `${vault}/secrets/${name}`
}
