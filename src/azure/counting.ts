import type { HttpClient } from '@azure/core-rest-pipeline'

/** What of Azure a host belongs to, for whoever counts. */
export type CalledPlane = 'signin' | 'control' | 'history' | 'data' | 'other'

export interface Calls {
  readonly plane: CalledPlane
  /** `ok`, `throttled` (429, 503), `refused` (other 4xx), `failed` (5xx), or `unanswered`. */
  readonly outcome: string
  readonly count: number
}

/** Counts what goes through clients, by plane and outcome. */
export interface Counting {
  /** A client that is counted. */
  of(inner: HttpClient): HttpClient
  calls(): readonly Calls[]
}

export function counting(): Counting {
  const counts = new Map<string, Calls>()
  const count = (url: string, outcome: string) => {
    const plane = planeOf(new URL(url).hostname)
    const key = `${plane} ${outcome}`
    counts.set(key, { plane, outcome, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return {
    calls: () => [...counts.values()],
    of: (inner) => ({
      sendRequest: async (request) => {
        try {
          const answer = await inner.sendRequest(request)
          count(request.url, outcomeOf(answer.status))
          return answer
        } catch (thrown) {
          count(request.url, 'unanswered')
          throw thrown
        }
      },
    }),
  }
}

function planeOf(host: string): CalledPlane {
  if (host === 'management.azure.com') return 'control'
  if (host.startsWith('login.')) return 'signin'
  if (host.endsWith('.api.azureml.ms')) return 'history'
  return host.endsWith('.core.windows.net') ? 'data' : 'other'
}

function outcomeOf(status: number): string {
  if (status === 429 || status === 503) return 'throttled'
  if (status >= 500) return 'failed'
  return status >= 400 ? 'refused' : 'ok'
}
