import type { Dispatcher, ProxyAgent } from 'undici'

/** Loaded where a server is called: whoever calls none starts without it. */
export const undici = (): Promise<typeof import('undici')> => import('undici')

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** What of a request's options makes it take a way. */
export type WayOut = (method: string) => Promise<{ readonly dispatcher?: Dispatcher }>

/** Sends what may change something through the proxy that is named at that moment, if one is; all else directly. */
export function wayOut(way: (() => Promise<string | undefined>) | undefined): WayOut {
  const agents = new Map<string, ProxyAgent>()
  return async (method) => {
    const uri = READING.has(method) ? undefined : await way?.()
    if (uri === undefined) return {}
    const { ProxyAgent } = await undici()
    const dispatcher = agents.get(uri) ?? new ProxyAgent({ uri, proxyTunnel: true })
    agents.set(uri, dispatcher)
    return { dispatcher }
  }
}
