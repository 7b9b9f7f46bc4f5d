import type { AzureReply, AzureRequest, Exchange } from '../../src/azure/exchange.ts'

/** An exchange that gives prepared answers in turn and keeps what was asked. */
export interface FakeExchange {
  readonly exchange: Exchange
  readonly asked: AzureRequest[]
}

export type Prepared = Partial<AzureReply> | Error

/** The last answer is given for ever. */
export function fakeExchange(...answers: readonly Prepared[]): FakeExchange {
  const asked: AzureRequest[] = []
  return {
    asked,
    exchange: async (request) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? {}
      asked.push(request)
      if (answer instanceof Error) throw answer
      return { status: 200, headers: {}, body: undefined, ...answer }
    },
  }
}

export function requestOf(more: Partial<AzureRequest> = {}): AzureRequest {
  const url = 'https://management.azure.com/subscriptions/s/x?api-version=1'
  return { method: 'GET', url, signal: AbortSignal.timeout(10_000), ...more }
}
