import { randomBytes } from 'node:crypto'
import { objectOf } from '../../arm/envelope.ts'
import type { Resource } from '../../arm/resources.ts'
import type { Handler } from '../../call.ts'
import { lookup } from '../../lookup.ts'
import type { Region } from '../../region.ts'
import type { Route } from '../../router.ts'
import { inWorkspace, WORKSPACE, workspaceIdOf } from '../paths.ts'
import { Secrets } from '../secrets.ts'
import { workspaceOf } from '../workspace-of.ts'
import { invalid, type Kind, propertiesIn } from './kinds.ts'
import { begun } from './operations.ts'

type Params = Readonly<Record<string, string>>

const TOKEN_SECONDS = 6 * 3600

/** The two keys of an endpoint. */
export interface Keys {
  readonly primaryKey: string
  readonly secondaryKey: string
}

/** Keys of endpoints, kept apart from what a GET shows. Writes only inside a write of the database. */
export class EndpointKeys {
  readonly #secrets: Secrets

  constructor(region: Region) {
    this.#secrets = new Secrets(region.db)
  }

  /** Gives a new endpoint its keys: those that its maker sent, and new ones for what was not sent. */
  create(id: string, sent: unknown): void {
    const given = (sent ?? {}) as Partial<Keys>
    this.#secrets.put(id, { primaryKey: given.primaryKey ?? newKey(), secondaryKey: given.secondaryKey ?? newKey() })
  }

  /** `undefined` where there is no such endpoint. */
  get(id: string): Keys | undefined {
    return this.#secrets.get(id) as Keys | undefined
  }

  /** Changes one of the keys. */
  set(id: string, change: Partial<Keys>): void {
    this.#secrets.put(id, { ...this.get(id), ...change })
  }

  remove(id: string): void {
    this.#secrets.remove(id)
  }
}

export function keyRoutes(region: Region, kind: Kind, keys: EndpointKeys): readonly Route[] {
  const { endpoint: operation } = kind.operation
  const path = `${WORKSPACE}/${kind.segment}/:e`
  const common: Route = ['POST', `${path}/listKeys`, `${operation}_list_keys`, listKeys(region, kind, keys)]
  if (kind.segment === 'batchEndpoints') return [common]
  region.operations.define(`${operation}_regenerate_keys`, () => ({ status: 'Succeeded' }))
  return [
    common,
    ['POST', `${path}/regenerateKeys`, `${operation}_regenerate_keys`, regenerate(region, kind, keys)],
    ['POST', `${path}/token`, `${operation}_get_token`, token(region, kind)],
  ]
}

function listKeys(region: Region, kind: Kind, keys: EndpointKeys): Handler {
  return (_call, params) => {
    const { id } = withMode(region, kind, { params, mode: 'Key' })
    return { status: 200, body: keys.get(id), unlogged: true }
  }
}

const KEYS: Readonly<Record<string, keyof Keys>> = lookup({ primary: 'primaryKey', secondary: 'secondaryKey' })

/** Makes a new key, or takes the one that is sent. azure-ai-ml sends the one that is there: a new one is meant. */
function regenerate(region: Region, kind: Kind, keys: EndpointKeys): Handler {
  return async (call, params) => {
    const { id } = withMode(region, kind, { params, mode: 'Key' })
    const { keyType, keyValue } = objectOf(await call.json(), 'The request body')
    const which = KEYS[String(keyType).toLowerCase()]
    if (which === undefined) throw invalid(`The field 'keyType' is '${keyType}'; it is Primary or Secondary.`)
    return call.commit(() => {
      const held = keys.get(id)?.[which]
      const fresh = typeof keyValue === 'string' && keyValue !== '' && keyValue !== held ? keyValue : newKey()
      keys.set(id, { [which]: fresh })
      return begun(region, call, { kind: `${kind.operation.endpoint}_regenerate_keys`, id, reply: { status: 202 } })
    })
  }
}

function token(region: Region, kind: Kind): Handler {
  return async (_call, params) => {
    const endpoint = withMode(region, kind, { params, mode: 'AMLToken' })
    const accessToken = await region.tokens.issue({
      subject: endpoint.name,
      audience: String(propertiesIn(endpoint)['scoringUri']),
      lifetimeSeconds: TOKEN_SECONDS,
    })
    const now = Math.floor(Date.now() / 1000)
    const expiryTimeUtc = now + TOKEN_SECONDS
    const body = { accessToken, expiryTimeUtc, refreshAfterTimeUtc: now + TOKEN_SECONDS / 2, tokenType: 'Bearer' }
    return { status: 200, body, unlogged: true }
  }
}

/** The endpoint of a call, or the refusal of one that knows its callers in another way. */
function withMode(
  region: Region,
  kind: Kind,
  { params, mode }: { readonly params: Params; readonly mode: string },
): Resource {
  workspaceOf(region, workspaceIdOf(params))
  const endpoint = region.resources.need(inWorkspace(params, kind.segment, params['e']))
  const { authMode } = propertiesIn(endpoint)
  if (authMode === mode) return endpoint
  throw invalid(`The endpoint '${endpoint.name}' has the authMode ${authMode}; this asks for ${mode}.`)
}

function newKey(): string {
  return randomBytes(24).toString('base64url')
}
